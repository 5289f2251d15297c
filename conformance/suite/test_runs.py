"""Runs: what goes in, in every encoding that the client uses, and what comes out."""

import json
import uuid

import pytest
from roe.exceptions import BadRequestError, NotFoundError, RoeAPIException

from conftest import EXTRACTION, TEXT_INPUT, connect
from harness.read import CACHED, SUCCESS, done, invoice_text, output

pytestmark = pytest.mark.postgres


def test_run_returns_a_job_that_ends_with_outputs(client, extractor, unique):
    number = unique("R").replace(" ", "-")
    job = client.agents.run(agent_id=str(extractor.id), text=invoice_text(number, "1,250.75"))
    assert uuid.UUID(job.id) and job.timeout_seconds == 7200
    result = done(job)
    got = output(result.outputs)
    assert (got["invoice_number"], got["total"]) == (number, 1250.75)
    assert result.agent_id == extractor.id and result.agent_version_id == extractor.current_version_id
    assert result["error_message"] is None


def test_run_sync_returns_the_outputs(client, extractor):
    assert output(client.agents.run_sync(str(extractor.id), text=invoice_text("S-1")))["invoice_number"] == "S-1"


def test_run_of_a_version_uses_its_configuration(client, extractor):
    first = str(extractor.current_version_id)
    schema = {"type": "object", "properties": {"customer": {"type": "string"}}}
    client.agents.versions.create(str(extractor.id), [TEXT_INPUT], {**EXTRACTION, "output_schema": schema})
    text = invoice_text("V-7") + "\nCustomer: Ada Ltd"
    job = client.agents.run_version(str(extractor.id), first, text=text)
    result = done(job)
    assert output(result.outputs)["invoice_number"] == "V-7"
    assert str(result.agent_version_id) == first
    assert output(client.agents.run_version_sync(str(extractor.id), first, text=text + " "))["invoice_number"] == "V-7"
    assert output(client.agents.run_sync(str(extractor.id), text=text))["customer"] == "Ada Ltd"


def test_inputs_are_shown_with_the_result(client, extractor):
    text = invoice_text("I-1") + "\nwith ümlauts, \"quotes\" & <tags>"
    result = done(client.agents.run(str(extractor.id), text=text))
    assert [(i["key"], i["value"], i["data_type"]) for i in result.inputs] == [("text", text, "text/plain")]


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (True, "True"),
        (12, "12"),
        (1.5, "1.5"),
        (["a", "b"], "['a', 'b']"),
        ({"a": 1}, "{'a': 1}"),
        ("null", "null"),
        ("007", "007"),
        ('{"b": 2,  "a": 1}', '{"b": 2,  "a": 1}'),
        ("/no/such/file", "/no/such/file"),
    ],
)
def test_text_is_stored_as_the_client_writes_it(client, extractor, value, stored):
    result = client.agents.run(str(extractor.id), text=value).wait(interval=0.05)
    assert result.inputs[0]["value"] == stored


def test_a_missing_input_is_named(client, extractor):
    for call in (client.agents.run, client.agents.run_sync):
        with pytest.raises(BadRequestError) as refused:
            call(str(extractor.id))
        assert refused.value.message == "Missing input key text"
        with pytest.raises(BadRequestError):
            call(str(extractor.id), other="value")


def test_none_counts_as_missing(client, extractor):
    with pytest.raises(BadRequestError) as refused:
        client.agents.run(str(extractor.id), text=None)
    assert refused.value.message == "Missing input key text"


def test_inputs_that_the_agent_does_not_know_are_ignored(client, extractor):
    result = done(client.agents.run(str(extractor.id), text=invoice_text("U-1"), colour="green"))
    assert [i["key"] for i in result.inputs] == ["text"]


def test_run_of_an_unknown_agent_or_version_is_not_found(client, extractor):
    for call in (
        lambda: client.agents.run(str(uuid.uuid4()), text="x"),
        lambda: client.agents.run_sync(str(uuid.uuid4()), text="x"),
        lambda: client.agents.run_version(str(extractor.id), str(uuid.uuid4()), text="x"),
        lambda: client.agents.run_version_sync(str(extractor.id), str(uuid.uuid4()), text="x"),
        lambda: client.agents.run_many(str(uuid.uuid4()), [{"text": "x"}]),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_metadata_is_stored_with_the_job_and_shown_as_text(client, server, extractor):
    metadata = {"customer_id": "cust-123", "n": 7, "deep": {"a": [1, None]}, "ü": "ß"}
    job = client.agents.run(str(extractor.id), metadata=metadata, text=invoice_text("M-1"))
    done(job)
    listed = server.call("GET", f"/v1/agents/{extractor.id}/jobs/").json()["results"][0]
    shown = listed["metadata"]
    assert shown["customer_id"] == "cust-123" and shown["ü"] == "ß" and shown["n"] == "7"
    assert json.loads(shown["deep"]) == {"a": [1, None]}


def test_metadata_of_every_kind_of_run_is_stored(client, server, extractor):
    version = str(extractor.current_version_id)
    agent = str(extractor.id)
    client.agents.run_sync(agent, metadata={"by": "sync"}, text=invoice_text("K-1"))
    client.agents.run_version(agent, version, metadata={"by": "version"}, text=invoice_text("K-2"))
    client.agents.run_version_sync(agent, version, metadata={"by": "version_sync"}, text=invoice_text("K-3"))
    client.agents.run_many(agent, [{"text": invoice_text("K-4")}], metadata={"by": "many"})
    got = server.call("GET", f"/v1/agents/{agent}/jobs/").json()["results"]
    assert [job["metadata"]["by"] for job in got] == ["many", "version_sync", "version", "sync"]


def test_an_idempotency_key_starts_one_job_only(client, extractor, unique):
    key = unique("key")
    first = client.agents.run(str(extractor.id), idempotency_key=key, text=invoice_text("Y-1"))
    again = client.agents.run(str(extractor.id), idempotency_key=key, text=invoice_text("Y-1"))
    done(first)
    late = client.agents.run(str(extractor.id), idempotency_key=key, text=invoice_text("Y-1"))
    assert first.id == again.id == late.id
    version = str(extractor.current_version_id)
    by_version = [client.agents.run_version(str(extractor.id), version, idempotency_key=unique("v") if i == 9 else key + "v", text=invoice_text("Y-2")).id for i in range(2)]
    assert by_version[0] == by_version[1] != first.id


def test_an_idempotency_key_with_other_content_is_refused(client, extractor, unique):
    key = unique("key")
    client.agents.run(str(extractor.id), idempotency_key=key, text=invoice_text("Z-1"))
    with pytest.raises(BadRequestError) as refused:
        client.agents.run(str(extractor.id), idempotency_key=key, text=invoice_text("Z-2"))
    assert refused.value.response is None, "a bare list"
    assert refused.value.message


def test_equal_runs_are_answered_from_the_cache(client, extractor):
    text = invoice_text("C-1")
    first = client.agents.run(str(extractor.id), text=text)
    outputs = output(done(first).outputs)
    second = client.agents.run(str(extractor.id), text=text, metadata={"not": "in the key"})
    result = second.wait(interval=0.05)
    assert second.id != first.id
    assert result["status"] == CACHED
    assert output(result.outputs) == outputs
    assert output(client.agents.run_sync(str(extractor.id), text=text)) == outputs
    batch = client.agents.run_many(str(extractor.id), [{"text": text}, {"text": text}])
    assert [item.status for item in batch.wait(interval=0.05)] == [CACHED, CACHED]


@pytest.mark.since("1.1")
def test_skip_cache_runs_again_in_every_kind_of_run(client, extractor):
    agent, version, text = str(extractor.id), str(extractor.current_version_id), invoice_text("C-2")
    done(client.agents.run(agent, text=text))
    assert client.agents.run(agent, text=text).wait(interval=0.05)["status"] == CACHED
    done(client.agents.run(agent, text=text, skip_cache=True))
    done(client.agents.run_version(agent, version, text=text, skip_cache=True))
    assert [i.status for i in client.agents.run_many(agent, [{"text": text}], skip_cache=True).wait(interval=0.05)] == [SUCCESS]
    client.agents.run_sync(agent, text=text, skip_cache=True)
    client.agents.run_version_sync(agent, version, text=text, skip_cache=True)
    newest = client.agents.jobs.list(agent, page_size=2).results
    assert [job.status_code for job in newest] == [SUCCESS, SUCCESS]


def test_disable_cache_of_the_agent_is_obeyed_at_once(client, extractor):
    agent, text = str(extractor.id), invoice_text("C-3")
    done(client.agents.run(agent, text=text))
    client.agents.update(agent, disable_cache=True)
    done(client.agents.run(agent, text=text))
    client.agents.update(agent, disable_cache=False)
    assert client.agents.run(agent, text=text).wait(interval=0.05)["status"] == CACHED


def test_a_failed_run_is_an_exception_of_the_synchronous_call(lab_client, lab_agent):
    agent = lab_agent("FailingEngine")
    with pytest.raises(RoeAPIException) as failed:
        lab_client.agents.run_sync(str(agent.id), text="x")
    assert failed.value.message == "The model will not answer this."
    assert 400 <= failed.value.status_code < 500, "a 5xx would be repeated"


def test_a_run_without_any_body_is_a_run_without_inputs(lab_client, lab_agent):
    agent = lab_client.agents.create(str(uuid.uuid4()), "SavingEngine", [], {})
    result = done(lab_client.agents.run(str(agent.id)))
    assert result.inputs == []


def test_the_organization_beside_the_inputs_is_no_input(server, client, extractor):
    with connect(server) as own:
        result = done(own.agents.run(str(extractor.id), text=invoice_text("O-1"), organization_id=server.organization))
    assert [i["key"] for i in result.inputs] == ["text"]
