"""Which of the client's methods the tests have called, and which requests these made.

The client stays as it was installed: the interpreter tells about calls of the functions that are listed (sys.setprofile). A method
counts as covered when a test that passed called it.
"""

from __future__ import annotations

import inspect
import re
import sys
from types import CodeType, FrameType
from typing import Any

import httpx
import roe
from roe import exceptions
from roe.api import agents, discovery, users
from roe.client import RoeClient
from roe.models.file import FileUpload
from roe.models.job import Job, JobBatch
from roe.utils.pagination import PaginationHelper

# The groups of methods that the server answers for, by the name under which users reach them.
GROUPS: dict[str, type] = {
    "client": RoeClient,
    "client.agents": agents.AgentsAPI,
    "client.agents.versions": agents.AgentVersionsAPI,
    "client.agents.jobs": agents.AgentJobsAPI,
    "client.discovery": discovery.DiscoveryAPI,
    "client.users": users.UsersAPI,
    "Job": Job,
    "JobBatch": JobBatch,
    "FileUpload": FileUpload,
    "PaginationHelper": PaginationHelper,
}

# Resources that the server does not have yet. What is neither here nor in GROUPS fails the coverage test.
LATER = {"policies", "connections", "connectors", "tables", "skill_sets", "knowledge_base"}

_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def _code(member: Any) -> CodeType | None:
    if isinstance(member, property):
        member = member.fget
    if isinstance(member, (staticmethod, classmethod)):
        member = member.__func__
    return getattr(inspect.unwrap(member), "__code__", None) if callable(member) else None


def methods() -> dict[str, CodeType]:
    """Returns every public method and property of the groups, as group.name."""
    found = {}
    for group, cls in GROUPS.items():
        for name, member in vars(cls).items():
            code = _code(member)
            if code is None or not code.co_filename.startswith(_home()):
                continue  # inherited from the framework, or no function
            if not name.startswith("_") and name not in LATER:
                found[f"{group}.{name}"] = code
    found["client()"] = _code(RoeClient.__init__)
    found["with client"] = _code(RoeClient.__enter__)
    return found


def errors() -> list[str]:
    """Returns the names of the client's error classes."""
    return sorted(
        name
        for name, cls in vars(exceptions).items()
        if isinstance(cls, type) and issubclass(cls, exceptions.RoeAPIException)
    )


def resources(client: RoeClient) -> set[str]:
    """Returns the names of all resources that a client has."""
    named = {name for name, member in vars(RoeClient).items() if isinstance(member, property)}
    generated = set(client.__dict__.get("_generated_apis", {}))
    return (named | generated) - {"raw"}


def _home() -> str:
    return roe.__path__[0]


class Record:
    """What has been called so far."""

    def __init__(self) -> None:
        self._names = {code: name for name, code in methods().items()}
        self._send = httpx.Client.send.__code__
        self._raise = exceptions.RoeAPIException.__init__.__code__
        self._stack: list[str] = []
        self._now: dict[str, set[str]] = {}
        self.calls: dict[str, set[str]] = {}  # method -> requests that it made
        self.tests: dict[str, int] = {}  # method or error -> number of tests

    def start(self) -> None:
        self._stack, self._now = [], {}
        sys.setprofile(self._profile)

    def stop(self, passed: bool) -> None:
        sys.setprofile(None)
        if not passed:
            return
        for name, requests in self._now.items():
            self.calls.setdefault(name, set()).update(requests)
            self.tests[name] = self.tests.get(name, 0) + 1

    def _profile(self, frame: FrameType, event: str, _arg: Any) -> None:
        code = frame.f_code
        if code in self._names:
            name = self._names[code]
            if event == "call":
                self._stack.append(name)
                self._now.setdefault(name, set())
            elif event == "return" and self._stack and self._stack[-1] == name:
                self._stack.pop()
        elif event == "call" and code is self._send:
            request = frame.f_locals["request"]
            for name in self._stack:
                self._now[name].add(f"{request.method} {template(request.url.path)}")
        elif event == "call" and code is self._raise:
            self._now.setdefault("errors." + type(frame.f_locals["self"]).__name__, set())

    def table(self, counts: bool = True) -> str:
        """Returns the coverage as a table in Markdown: every method, the requests it made, in how many passed tests."""
        rows = ["| call | requests | tests |", "|---|---|---|"] if counts else ["| call | requests |", "|---|---|"]
        for name in self._wanted():
            requests = "<br>".join(f"`{r}`" for r in sorted(self.calls.get(name, ())))
            number = f" {self.tests.get(name, 0)} |" if counts else ""
            rows.append(f"| `{name}` | {requests} |{number}")
        return "\n".join(rows) + "\n"

    def missing(self) -> list[str]:
        """Returns what no passed test has called."""
        return [name for name in self._wanted() if name not in self.tests]

    @staticmethod
    def _wanted() -> list[str]:
        return [*sorted(methods()), *("errors." + name for name in errors())]


def template(path: str) -> str:
    """Returns a path with its ids replaced."""
    path = _IDS.sub("{id}", path)
    return re.sub(r"/references/[^/]+/", "/references/{resource}/", path)
