"""Small helpers to read what the client returns."""

from __future__ import annotations

import json
from typing import Any

from harness.shapes import problems

SUCCESS, FAILURE, CANCELLED, CACHED = 3, 4, 5, 6


def output(outputs: Any) -> dict[str, Any]:
    """Returns the JSON object of a run's one output."""
    assert len(outputs) == 1, outputs
    assert outputs[0].key == "output"
    assert outputs[0].data_type == "application/json"
    return json.loads(outputs[0].value)


def done(job: Any) -> Any:
    """Waits for a job that must succeed, and returns its result."""
    result = job.wait(interval=0.05, timeout=60)
    assert result["status"] == SUCCESS, (result["status"], result["error_message"])
    return result


def has_shape(value: Any, shape: Any) -> None:
    """Fails with all that is wrong with a value of the wire."""
    wrong = list(problems(value, shape))
    assert not wrong, "\n".join(wrong)


def invoice_text(number: str, total: str = "12.50") -> str:
    return f"Invoice number: {number}\nTotal: {total} EUR"
