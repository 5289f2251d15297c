"""Fixtures of the conformance tests. The programs under test are named by STEWARD_BIN and STEWARD_LAB_BIN (scripts/conformance.sh)."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from glob import glob
from pathlib import Path
from typing import Any

import pytest
from roe import RoeClient

from harness.peers import Proxy, Web
from harness.record import Record
from harness.server import Server

CLIENT = importlib.metadata.version("roe-ai")
ROOT = Path(__file__).resolve().parents[2]

# What a direct client gets is what the server said: repeats would only hide it. Tests of repeats ask for them.
os.environ["ROE_MAX_RETRIES"] = "0"
os.environ["ROE_BATCH_CHUNK_DELAY"] = "0"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "since(version): for releases of the client from this one on; others do not collect it")
    config.addinivalue_line("markers", "postgres: belongs to the selection that runs on PostgreSQL too")
    config.stash[RECORD] = Record()


RECORD = pytest.StashKey[Record]()


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def fits(item: pytest.Item) -> bool:
        mark = item.get_closest_marker("since")
        return mark is None or _number(mark.args[0]) <= _number(CLIENT)

    items[:] = [item for item in items if fits(item)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    record = item.config.stash[RECORD]
    record.start()
    passed = False
    try:
        yield
        passed = True
    finally:
        record.stop(passed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.option.keyword or config.option.markexpr or config.option.file_or_dir:
        return  # a selection tells nothing about coverage
    terminalreporter.section(f"calls of roe-ai {CLIENT}")
    terminalreporter.write(config.stash[RECORD].table())


@pytest.fixture(scope="session")
def record(pytestconfig: pytest.Config) -> Record:
    return pytestconfig.stash[RECORD]


def _program(name: str) -> str:
    path = os.environ.get(name)
    if not path:
        pytest.exit(f"{name} names no program; run scripts/conformance.sh", returncode=2)
    return path


def _psql() -> str:
    found = shutil.which("psql") or next(iter(sorted(glob("/usr/lib/postgresql/*/bin/psql"), reverse=True)), None)
    assert found, "psql is not there"
    return found


def run_sql(database: str, statement: str) -> None:
    """Runs a statement in a PostgreSQL database."""
    subprocess.run([_psql(), database, "-v", "ON_ERROR_STOP=1", "-qc", statement], check=True)


@pytest.fixture(scope="session")
def make_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts servers, and stops them at the end. With STEWARD_TEST_POSTGRES_URL set and STEWARD_CONFORMANCE_ON=postgres each has a
    database of its own there; otherwise SQLite."""
    started: list[Server] = []
    databases: list[str] = []
    on_postgres = os.environ.get("STEWARD_CONFORMANCE_ON") == "postgres"

    def sql(statement: str) -> None:
        run_sql(os.environ["STEWARD_TEST_POSTGRES_URL"], statement)

    def database() -> str:
        name = f"conformance_{uuid.uuid4().hex}"
        sql(f"CREATE DATABASE {name}")
        databases.append(name)
        head, query, tail = os.environ["STEWARD_TEST_POSTGRES_URL"].partition("?")
        return head.rsplit("/", 1)[0] + "/" + name + query + tail

    def start(name: str, command: list[str], **config: Any) -> Server:
        if on_postgres:
            config["database"] = database()
        server = Server(command, tmp_path_factory.mktemp(name), {"fetch": {"allow": ["127.0.0.1/32"]}, **config})
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()
    for name in databases:
        sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def serve(make_server: Callable[..., Server]) -> Callable[..., Server]:
    """Starts `steward serve` with a configuration."""
    return lambda name="steward", **config: make_server(name, [_program("STEWARD_BIN"), "serve", "--config"], **config)


@pytest.fixture(scope="session")
def server(serve: Callable[..., Server]) -> Server:
    """The program as users start it."""
    return serve()


@pytest.fixture(scope="session")
def lab(make_server: Callable[..., Server]) -> Server:
    """The same server with the engines of conformance/lab beside its own."""
    return make_server("lab", [_program("STEWARD_LAB_BIN"), "-config"])


def connect(server: Server, **options: Any) -> RoeClient:
    """Returns a client of a server, configured as users do it."""
    given = {"api_key": server.key, "organization_id": server.organization, "base_url": server.url}
    return RoeClient(**{**given, **options})


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[RoeClient]:
    made = connect(server)
    yield made
    made.close()


@pytest.fixture(scope="session")
def lab_client(lab: Server) -> Iterator[RoeClient]:
    made = connect(lab)
    yield made
    made.close()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A proxy in front of the server that injects faults."""
    with Proxy(server.url) as made:
        yield made


@pytest.fixture
def web() -> Iterator[Web]:
    """A web server for inputs that are URLs."""
    with Web() as made:
        yield made


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Makes texts that no other test has: names must be unique, and equal inputs are answered from the cache."""
    return lambda text="": f"{text} {uuid.uuid4().hex[:12]}".strip()


SCHEMA = {"type": "object", "properties": {"invoice_number": {"type": "string"}, "total": {"type": "number"}}}
TEXT_INPUT = {"key": "text", "data_type": "text/plain", "description": "What to read"}
EXTRACTION = {"text": "${text}", "instruction": "Read the invoice.", "output_schema": SCHEMA}
PDF_INPUT = {"key": "pdf_files", "data_type": "application/pdf", "description": "Documents", "accepts_multiple_files": True}
PDF_READING = {"pdf_files": "${pdf_files}", "instructions": "Read the invoice.", "output_schema": SCHEMA}


@pytest.fixture
def extractor(client: RoeClient, unique: Callable[[str], str]) -> Any:
    """An agent that reads a text."""
    return client.agents.create(unique("Extractor"), "MultimodalExtractionEngine", [TEXT_INPUT], EXTRACTION)


@pytest.fixture
def reader(client: RoeClient, unique: Callable[[str], str]) -> Any:
    """An agent that reads PDF files."""
    return client.agents.create(unique("Reader"), "PDFExtractionEngine", [PDF_INPUT], PDF_READING)


@pytest.fixture
def lab_agent(lab_client: RoeClient, unique: Callable[[str], str]) -> Callable[[str], Any]:
    """Makes an agent of an engine of the lab."""
    return lambda engine: lab_client.agents.create(unique(engine), engine, [TEXT_INPUT], {"text": "${text}"})


@pytest.fixture(scope="session")
def invoice() -> Path:
    """A PDF of the repository's own."""
    return ROOT / "examples" / "invoice" / "invoice.pdf"
