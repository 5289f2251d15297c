"""The objects of the run family as they must stand on the wire: every key that clients read without a default, with its type.

A shape is a name of SCALARS ("?" behind it admits null), a list with one shape for all items, a dict whose keys must all be there
(a name that begins with "~" may be missing), or a function that makes one of these.
"""

from __future__ import annotations

import datetime
import re
from typing import Any, Callable, Iterator

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def _is_int(v: Any) -> bool:
    return isinstance(v, int) and not isinstance(v, bool)


def _is_time(v: Any) -> bool:
    if not isinstance(v, str):
        return False
    try:
        return datetime.datetime.fromisoformat(v).tzinfo is not None
    except ValueError:
        return False


SCALARS: dict[str, Callable[[Any], bool]] = {
    "uuid": lambda v: isinstance(v, str) and _UUID.fullmatch(v) is not None,
    "ts": _is_time,
    "str": lambda v: isinstance(v, str),
    "email": lambda v: isinstance(v, str) and re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", v) is not None,
    "url": lambda v: isinstance(v, str) and re.match(r"https?://", v) is not None,
    "int": _is_int,
    "num": lambda v: _is_int(v) or isinstance(v, float),
    "epoch": lambda v: (_is_int(v) or isinstance(v, float)) and 1.5e9 < v < 5e9,
    "status": lambda v: _is_int(v) and 0 <= v <= 6,
    "review": lambda v: v in ("unreviewed", "agreed", "disagreed"),
    "bool": lambda v: isinstance(v, bool),
    "obj": lambda v: isinstance(v, dict),
    "list": lambda v: isinstance(v, list),
    "json": lambda _: True,
}


def problems(value: Any, shape: Any, at: str = "$") -> Iterator[str]:
    """Yields what is wrong with a value; nothing when it has the shape."""
    if callable(shape):
        shape = shape()
    if isinstance(shape, str):
        kind = shape.removesuffix("?")
        if not (value is None and shape.endswith("?")) and not SCALARS[kind](value):
            yield f"{at}: {value!r} is no {shape}"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{at}: {value!r} is no list"
            return
        for i, item in enumerate(value):
            yield from problems(item, shape[0], f"{at}[{i}]")
    elif isinstance(shape, Maybe):
        if value is not None:
            yield from problems(value, shape.shape, at)
    else:
        yield from _object_problems(value, shape, at)


def _object_problems(value: Any, shape: dict[str, Any], at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: {value!r} is no object"
        return
    for key, inner in shape.items():
        name = key.removeprefix("~")
        if name in value:
            yield from problems(value[name], inner, f"{at}.{name}")
        elif not key.startswith("~"):
            yield f"{at}.{name} is missing"


class Maybe:
    """An object or a list that may be null."""

    def __init__(self, shape: Any):
        self.shape = shape


USER_INFO = {"id": "int", "email": "email", "display_name": "str", "~first_name": "str", "~last_name": "str"}

USER = {
    "id": "int",
    "email": "email",
    "first_name": "str",
    "last_name": "str",
    "display_name": "str",
    "date_joined": "ts",
    "is_staff": "bool",
    "is_superuser": "bool",
    "is_active": "bool",
    "is_first_login": "bool",
    "is_email_verified": "bool",
    "is_mfa_enabled": "bool",
}

TAG = {"id": "uuid", "name": "str", "color": "str", "created_at": "ts", "creator": "int?", "usage_count": "int", "private": "bool"}

AGENT = {
    "id": "uuid",
    "creator": Maybe(USER_INFO),
    "created_at": "ts",
    "updated_at": "ts",
    "name": "str",
    "disable_cache": "bool",
    "cache_failed_jobs": "bool",
    "organization_id": "uuid",
    "engine_class_id": "str",
    "engine_name": "str",
    "current_version_id": "uuid",
    "job_count": "int?",
    "most_recent_job": "ts?",
    "tags": [TAG],
    "skill_generation_state": "str?",
}

INPUT_DEFINITION = {"key": "str", "data_type": "str", "description": "str", "~example": "str", "~accepts_multiple_files": "bool?"}

VERSION = {
    "id": "uuid",
    "name": "str",
    "version_name": "str",
    "creator": Maybe(USER_INFO),
    "created_at": "ts",
    "~description": "str",
    "engine_class_id": "str",
    "engine_name": "str",
    "input_definitions": [INPUT_DEFINITION],
    "engine_config": "obj",
    "organization_id": "uuid",
    "readonly": "bool",
    "base_agent": AGENT,
    "supports_memory": "bool",
    "post_actions": "list",
}

DATUM = {"key": "str", "data_type": "str", "value": "str", "~description": "str", "~cost": "num"}

JOB_INPUT = {"key": "str", "description": "str", "data_type": "str", "value": "str", "~file_name": "str"}

SINGLE_STATUS = {
    "status": "status",
    "timestamp": "epoch",
    "~error_message": "str",
    "created_at": "ts",
    "last_updated_at": "ts",
    "started_at": "ts?",
    "ended_at": "ts?",
    "progress": "json",
    "cost": "num?",
}

STATUS = {
    "id": "uuid",
    "status": "status",
    "created_at": "ts",
    "last_updated_at": "ts",
    "timestamp": "epoch",
    "~error_message": "str?",
}

RESULT = {
    "agent_id": "uuid",
    "agent_version_id": "uuid",
    "inputs": [JOB_INPUT],
    "outputs": [DATUM],
    "input_tokens": "int?",
    "output_tokens": "int?",
    "status": "status",
    "error_message": "str?",
    "cost": "num?",
    "trace_url": "url",
    "started_at": "ts?",
    "ended_at": "ts?",
    "cached_from": "uuid?",
}

RESULT_ITEM = {
    "id": "uuid",
    "status": "status",
    "result": Maybe([DATUM]),
    "~corrected_outputs": Maybe([DATUM]),
    "agent_id": "uuid",
    "agent_version_id": "uuid",
    "cost": "num?",
    "inputs": Maybe([JOB_INPUT]),
    "input_tokens": "int?",
    "output_tokens": "int?",
}

STATUS_EVENT = {"timestamp": "ts", "status_code": "status", "~error_message": "str", "~error_details": "obj", "~count": "int"}

JOB = {
    "id": "uuid",
    "agent_version_name": "str?",
    "status_events": [STATUS_EVENT],
    "status_code": "status",
    "created_at": "ts",
    "last_updated_at": "ts",
    "duration_ms": "int?",
    "~job_inputs": [JOB_INPUT],
    "~metadata": "obj",
    "ui_fields": "obj",
    "evaluation": "obj?",
    "feedback_review": "obj?",
    "review_state": "review",
    "creator": Maybe(USER_INFO),
}

CANCEL_ALL = {"task_id": "str?", "targeted_count": "int", "~note": "str"}

DELETE_DATA = {
    "status": "str",
    "deleted_count": "int",
    "failed_count": "int",
    "blob_sanitized": "bool",
    "outputs_sanitized": "bool",
    "artifacts_deleted_count": "int",
    "artifacts_failed_count": "int",
    "errors": Maybe(["str"]),
}

RESEND = {"status": "str", "queued": "int"}

MODEL = {
    "id": "str",
    "providers": ["str"],
    "capabilities": ["str"],
    "context_window": "int",
    "max_output_tokens": "int",
    "supports_system_message": "bool",
    "supports_temperature": "bool",
    "supports_reasoning_effort": "bool",
    "supports_json_output": "bool",
    "supports_json_schema": "bool",
    "supports_thinking": "bool",
}

MODELS = {"models": [MODEL], "total_count": "int", "tenant_scope": "str"}

ENGINE = {
    "class_id": "str",
    "display_name": "str",
    "description": "str",
    "summary": "str",
    "input_schema": "obj",
    "default_values": "obj",
}

ENGINES = {"engine_types": ["str"], "total_count": "int", "engines": [ENGINE]}


def page(of: Any) -> dict[str, Any]:
    """Returns the shape of a paginated list."""
    return {"count": "int", "next": "url?", "previous": "url?", "results": [of]}
