"""Hooks of schemathesis: calls hit things that exist, not only random ids.

STEWARD_POOL holds the ids of things that the runner has made, by the name of their path parameter. Most calls get one of them; the
others keep what schemathesis has thought of. What a call destroys is made for that call.
"""

from __future__ import annotations

import json
import os
import random
import uuid
from typing import Any

import requests
import schemathesis

POOL: dict[str, list[str]] = json.loads(os.environ["STEWARD_POOL"])
URL, KEY = os.environ["STEWARD_URL"], os.environ["STEWARD_KEY"]
KNOWN = 0.7  # share of calls that hit what exists
FRESH = 12  # calls of an operation that get something of their own to destroy

_random = random.Random(int(os.environ.get("STEWARD_SEED", "1")))
_fresh_made: dict[str, int] = {}


def call(method: str, path: str, **body: Any) -> Any:
    answer = requests.request(method, URL + path, headers={"Authorization": f"Bearer {KEY}"}, timeout=30, **body)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def unique(name: str) -> str:
    return f"{name} {uuid.uuid4().hex[:12]}"


def new_agent() -> dict[str, Any]:
    return call(
        "POST",
        "/v1/agents/",
        json={
            "name": unique("Of schemathesis"),
            "engine_class_id": "MultimodalExtractionEngine",
            "input_definitions": [{"key": "text", "data_type": "text/plain", "description": "What to read"}],
            "engine_config": {"text": "${text}", "output_schema": {"type": "object", "properties": {"total": {"type": "number"}}}},
        },
    )


def new_version(agent: str) -> str:
    return call("POST", f"/v1/agents/{agent}/versions/", json={"version_name": unique("v")})["id"]


def new_webhook(agents: list[str] | None = None) -> str:
    made = call("POST", "/v1/webhooks/", json={"name": unique("Hook"), "url": os.environ["STEWARD_RECEIVER"], "events": ["job_completed"]})["id"]
    if agents:
        call("POST", f"/v1/webhooks/{made}/agents/", json={"agent_ids": agents})
    return made


def new_file() -> str:
    return call("POST", "/v1/files/", files={"file": ("note.txt", b"Total: 1.50", "text/plain")})["file_id"]


def new_tag() -> str:
    return call("POST", "/v1/agents/tags/", json={"name": unique("t")[:50], "color": "blue"})["id"]


def _fresh(method: str, path: str) -> dict[str, str] | None:
    """Makes what a DELETE is going to destroy."""
    if path == "/v1/agents/{agent_id}/":
        return {"agent_id": new_agent()["id"]}
    if path.endswith("/versions/{agent_version_id}/"):
        agent = POOL["agent_id"][0]
        old = new_version(agent)
        new_version(agent)  # the current one cannot be deleted
        return {"agent_id": agent, "agent_version_id": old}
    if path.endswith("/agents/{agent_id}/"):  # a link of a webhook
        agent = POOL["agent_id"][0]
        return {"webhook_id": new_webhook([agent]), "agent_id": agent}
    if path.endswith("/webhooks/{webhook_id}/"):
        return {"webhook_id": new_webhook()}
    if path.endswith("/files/{file_id}/"):
        return {"file_id": new_file()}
    if path.endswith("/tags/{tag_id}/"):
        return {"tag_id": new_tag()}
    if path.endswith("/keys/{key_id}/"):
        return {"key_id": call("POST", "/v1/keys/", json={"name": unique("k"), "scopes": ["read"]})["id"]}
    return None


def _path(operation: Any, parameters: dict[str, Any]) -> None:
    if operation.method.upper() == "DELETE":
        made = _fresh_made.get(operation.label, 0)
        fresh = _fresh(operation.method, operation.path) if made < FRESH else None
        if fresh is not None:
            _fresh_made[operation.label] = made + 1
            parameters.update(fresh)
        elif parameters.get("key_id") in POOL["own_key_id"]:
            parameters["key_id"] = str(uuid.uuid4())  # schemathesis must not revoke its own key
        return
    at = _random.randrange(1 << 30)
    for name in parameters:
        known = POOL.get(name)
        if known and _random.random() < KNOWN:
            parameters[name] = known[at % len(known)]


def _body(operation: Any, body: Any) -> None:
    if not isinstance(body, dict) or _random.random() > KNOWN:
        return
    if operation.path.endswith("/many/") and isinstance(body.get("inputs"), list):
        body["inputs"] = [{"text": f"Total: {i}"} for i in range(min(len(body["inputs"]), 20))] or body["inputs"]
    elif operation.path.endswith("/items/"):
        body["inputs"] = [{"text": f"Total: {i}"} for i in range(3)]
    elif operation.path.startswith("/v1/agents/run/"):
        body["text"] = "Total: 12.50"
    for key, name in (("job_ids", "job_id"), ("agent_ids", "agent_id"), ("tag_ids", "tag_id")):
        if isinstance(body.get(key), list) and POOL.get(name):
            body[key] = [_random.choice(POOL[name]) for _ in body[key]] or body[key]


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    if isinstance(case.path_parameters, dict):
        _path(case.operation, case.path_parameters)
    _body(case.operation, case.body)
