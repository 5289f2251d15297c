"""Every public method of the client for these resources has been called by a test that passed. Runs last, by its name."""

import os

import pytest

from conftest import CLIENT, ROOT
from harness import record as recorded

README = ROOT / "conformance" / "README.md"
BEGIN, END = "<!-- coverage: begin -->\n", "<!-- coverage: end -->\n"


def test_every_resource_is_known(client):
    known = set(recorded.LATER) | {group.removeprefix("client.").split(".")[0] for group in recorded.GROUPS}
    assert recorded.resources(client) <= known, "a new resource of the client: cover it, or list it as later work"


def test_every_method_and_error_is_covered(record, request):
    if request.config.getoption("keyword") or len(request.session.items) < 150:
        pytest.fail("only a whole run can tell the coverage; deselect this test when you pick others")
    assert record.missing() == []


@pytest.mark.since("1.1")
def test_the_readme_shows_the_coverage(record):
    text = README.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    table = f"What `roe-ai` {CLIENT} offers for these resources, and the requests that its calls made:\n\n{record.table(counts=False)}"
    if os.environ.get("STEWARD_UPDATE"):
        README.write_text(text[:begin] + table + text[end:])
    assert README.read_text()[begin:end] == table or os.environ.get("STEWARD_UPDATE"), "run scripts/conformance.sh update"
