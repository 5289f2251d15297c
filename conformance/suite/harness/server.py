"""Servers under test: the built program with a data folder, a port and a configuration of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_SECONDS = 60
STOP_SECONDS = 30


@dataclass
class Answer:
    """One answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """A running server. Its data folder, log and configuration lie in folder."""

    command: list[str]
    folder: Path
    config: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    key: str = ""
    organization: str = ""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        self.folder.mkdir(parents=True, exist_ok=True)
        data = self.folder / "data"
        config = {
            "data": str(data),
            "listen": "127.0.0.1:0",
            "cache": str(cache_folder()),
            "log": {"level": "info", "format": "text"},
            "workers": {"grace": "200ms"},
            **self.config,
        }
        file = self.folder / "steward.yaml"
        file.write_text(json.dumps(config))  # JSON is YAML
        # Nothing of the caller's environment may change what is tested: no provider keys, no STEWARD_ variables.
        env = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.command, str(file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env
            )
        self.url = self._wait_until_ready()
        credentials = json.loads((data / "credentials.json").read_text())
        self.key, self.organization = credentials["api_key"], credentials["organization_id"]
        return self

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _wait_until_ready(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            said = re.search(r"steward is ready.* url=(\S+)", self.log())
            if said:
                return said.group(1)
            if self.process is not None and self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{self.command} does not become ready:\n{self.log()[-4000:]}")

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        key: str | None = None,
        url: str | None = None,
    ) -> Answer:
        """Makes one request without any client library; a body that is not bytes goes as JSON. Redirects are not followed."""
        sent = {"Authorization": f"Bearer {self.key if key is None else key}"}
        data = body
        if body is not None and not isinstance(body, bytes):
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        request = urllib.request.Request((url or self.url) + path, data=data, headers=sent, method=method)
        try:
            with _opener().open(request, timeout=60) as got:
                return Answer(got.status, _lower(got.headers), got.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _lower(error.headers), error.read())

    def make_key(self, *scopes: str) -> str:
        """Returns a new key of the organization."""
        made = self.call("POST", "/v1/keys/", {"name": "conformance", "scopes": list(scopes)})
        assert made.status == 201, made
        return made.json()["token"]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def cache_folder() -> Path:
    """Where the program keeps the compiled PDF engine for its user; kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "steward"
