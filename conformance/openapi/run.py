"""Holds a running server against its own OpenAPI document.

The document must be valid OpenAPI 3.1, and every answer that schemathesis can get out of the server must stand in it: no 5xx, no
status, media type, header or body that is not documented.

    run.py [--examples N] [--seed N]       environment: STEWARD_BIN names the program
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "suite"))

from harness.peers import Peer, _Handler  # noqa: E402
from harness.server import Server  # noqa: E402

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"


class _Receiver(_Handler):
    def do_POST(self) -> None:
        self.body()
        self.answer(200, "text/plain", b"ok")


def validate(document: dict[str, Any]) -> None:
    wrong = list(OpenAPIV31SpecValidator(document).iter_errors())
    for error in wrong:
        print(f"openapi.json: {'/'.join(map(str, error.absolute_path))}: {error.message}", file=sys.stderr)
    if wrong or not document["openapi"].startswith("3.1"):
        sys.exit("the document is not valid OpenAPI 3.1")
    operations = [op for item in document["paths"].values() for op in item.values() if isinstance(op, dict)]
    print(f"openapi.json: valid OpenAPI {document['openapi']}, {len(operations)} operations, {len(document['components']['schemas'])} schemas")


def stock(server: Server, receiver: str) -> dict[str, list[str]]:
    """Makes one or two of each thing that has an id, and returns the ids by the name of their path parameter."""
    os.environ.update(STEWARD_URL=server.url, STEWARD_KEY=server.key, STEWARD_RECEIVER=receiver, STEWARD_POOL="{}")
    import hooks

    agents = [hooks.new_agent() for _ in range(2)]
    agent = agents[0]["id"]
    webhook = hooks.new_webhook([agent])
    run = f"/v1/agents/run/{agent}/"
    jobs = [hooks.call("POST", run + "async/", json={"text": f"Total: {i}"}) for i in range(4)]
    hooks.call("POST", run, json={"text": "Total: 9"})
    batch = hooks.call("POST", f"/v1/agents/{agent}/batches/", json={"name": "stock"})["id"]
    hooks.call("POST", f"/v1/batches/{batch}/items/", json={"start": 0, "inputs": [{"text": "Total: 1"}]})
    deliveries = _until(lambda: hooks.call("GET", f"/v1/webhooks/{webhook}/deliveries/")["results"])
    return {
        "agent_id": [a["id"] for a in agents],
        "agent_version_id": [a["current_version_id"] for a in agents],
        "job_id": jobs,
        "agent_job_id": jobs,
        "batch_id": [batch],
        "webhook_id": [webhook],
        "delivery_id": [d["id"] for d in deliveries],
        "file_id": [hooks.new_file()],
        "tag_id": [hooks.new_tag()],
        "own_key_id": [k["id"] for k in hooks.call("GET", "/v1/keys/")["results"]],
    }


def _until(get: Any) -> Any:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        got = get()
        if got:
            return got
        time.sleep(0.1)
    sys.exit("nothing was delivered to the webhook")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=15, help="cases of the fuzzing phase for each operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--include", help="only paths that match this regular expression")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="steward-openapi-") as folder, Peer(_Receiver) as receiver:
        config = {"fetch": {"allow": ["127.0.0.1/32"]}, "workers": {"sync_timeout": "5s", "grace": "200ms"}}
        server = Server([os.environ["STEWARD_BIN"], "serve", "--config"], Path(folder), config).start()
        try:
            document = requests.get(server.url + "/openapi.json", timeout=30).json()
            validate(document)
            status = fuzz(server, receiver.url, options)
        finally:
            server.stop()
        problems = [line for line in server.log().splitlines() if " level=ERROR " in line]
        for line, n in Counter(line.split(" msg=", 1)[-1][:300] for line in problems).most_common(20):
            print(f"server log, {n}x: {line}", file=sys.stderr)
        if status == 0 and problems:
            sys.exit("the server has logged errors")
        sys.exit(status)


def fuzz(server: Server, receiver: str, options: argparse.Namespace) -> int:
    env = {**os.environ, "STEWARD_POOL": json.dumps(stock(server, receiver)), "STEWARD_SEED": str(options.seed)}
    env |= {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "STEWARD_URL": server.url, "STEWARD_KEY": server.key}
    env["STEWARD_RECEIVER"] = receiver
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        "run",
        server.url + "/openapi.json",
        *("--header", f"Authorization: Bearer {server.key}"),
        *("--checks", CHECKS),
        *("--phases", "examples,coverage,fuzzing"),
        *("--max-examples", str(options.examples)),
        *("--seed", str(options.seed)),
        "--continue-on-failure",
        *("--request-timeout", "30"),
        *("--warnings", "off"),
        "--no-color",
    ]
    if options.include:
        command += ["--include-path-regex", options.include]
    with tempfile.TemporaryDirectory(prefix="steward-schemathesis-") as cwd:  # it leaves its caches where it runs
        return subprocess.run(command, env=env, cwd=cwd, check=False).returncode


if __name__ == "__main__":
    main()
