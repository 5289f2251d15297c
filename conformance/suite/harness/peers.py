"""Peers of the server and of the client: a web server with files, a model provider that costs money, a proxy that injects faults."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable
from urllib.parse import urlsplit


class Peer(AbstractContextManager["Peer"]):
    """An HTTP server in a thread of this process."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.peer = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __exit__(self, *_: Any) -> None:
        self.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def peer(self) -> Any:
        return self.server.peer  # type: ignore[attr-defined]

    def log_message(self, *_args: Any) -> None:
        pass

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, content_type: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Web(Peer):
    """Serves files by path: path -> (content type, bytes). hits lists the paths that were asked for."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, bytes]] = {}
        self.hits: list[str] = []
        super().__init__(_WebHandler)


class _WebHandler(_Handler):
    def do_GET(self) -> None:
        self.peer.hits.append(self.path)
        kind, data = self.peer.files.get(self.path, ("text/plain", b""))
        self.answer(200 if self.path in self.peer.files else 404, kind, data)


class Provider(Peer):
    """A model provider in the form of OpenAI's chat completions; each call uses 1000 tokens."""

    def __init__(self) -> None:
        self.calls = 0
        super().__init__(_ProviderHandler)


class _ProviderHandler(_Handler):
    def do_POST(self) -> None:
        self.body()
        self.peer.calls += 1
        message = {"role": "assistant", "content": json.dumps({"total": 12.5})}
        answer = {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": "paid",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000},
        }
        self.answer(200, "application/json", json.dumps(answer).encode())


@dataclass
class Fault:
    """What the proxy does to the next `times` requests whose method and path match, in place of forwarding them."""

    path: str  # regular expression, searched in path and query
    method: str = ""  # "" matches all
    times: int = 1
    status: int = 0  # an answer of the proxy's own …
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"detail":"injected"}'
    cut: bool = False  # … or the connection is closed without an answer …
    after: bool = False  # … with after: once the server has done the work
    edit: Callable[[Any], Any] | None = None  # … or the server's JSON is changed on its way back


@dataclass
class Seen:
    """A request that reached the proxy."""

    method: str
    path: str  # with query
    headers: dict[str, str]  # names in lower case
    body: bytes


class Proxy(Peer):
    """Forwards to a server, notes what comes by, and injects faults."""

    def __init__(self, upstream: str):
        self.upstream = urlsplit(upstream)
        self.seen: list[Seen] = []
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        super().__init__(_ProxyHandler)

    def inject(self, *faults: Fault) -> None:
        with self._lock:
            self._faults.extend(faults)

    def requests(self, path: str, method: str = "") -> list[Seen]:
        """Returns what came by and matches."""
        return [s for s in self.seen if re.search(path, s.path) and method in ("", s.method)]

    def take(self, seen: Seen) -> Fault | None:
        with self._lock:
            self.seen.append(seen)
            for fault in self._faults:
                if fault.times > 0 and fault.method in ("", seen.method) and re.search(fault.path, seen.path):
                    fault.times -= 1
                    return fault
        return None


class _ProxyHandler(_Handler):
    def handle_any(self) -> None:
        body = self.body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        fault = self.peer.take(Seen(self.command, self.path, headers, body))
        if fault is None:
            status, got, answer = self.forward(body)
            self.reply(status, got, answer)
            return
        if fault.after:
            self.forward(body)
        if fault.cut:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        if fault.edit is not None:
            status, got, answer = self.forward(body)
            self.reply(status, got, json.dumps(fault.edit(json.loads(answer))).encode())
            return
        self.answer(fault.status, "application/json", fault.body, fault.headers)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        up = self.peer.upstream
        connection = http.client.HTTPConnection(up.hostname, up.port, timeout=120)
        try:
            sent = {name: value for name, value in self.headers.items() if name.lower() not in ("connection", "accept-encoding")}
            connection.request(self.command, self.path, body=body or None, headers=sent)
            got = connection.getresponse()
            return got.status, got.getheaders(), got.read()
        finally:
            connection.close()

    def reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
