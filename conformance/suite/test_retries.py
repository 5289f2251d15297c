"""Repeats: which calls the client repeats, how often, and that the server is not hurt by it."""

import time

import pytest
from roe.exceptions import RoeAPIException, ServerError

from conftest import EXTRACTION, TEXT_INPUT, connect
from harness.peers import Fault
from harness.read import done, invoice_text, output


@pytest.mark.parametrize("fault", [
    {"status": 503, "headers": {"Retry-After": "1"}},
    {"status": 429, "headers": {"Retry-After": "1"}},
    {"status": 408},
    {"status": 500},
    {"cut": True},
], ids=lambda f: str(f.get("status", "cut")))
def test_a_read_is_repeated_once_the_wait_is_over(server, proxy, extractor, fault):
    proxy.inject(Fault("/v1/agents/", **fault))
    with connect(server, base_url=proxy.url, max_retries=2) as client:
        start = time.monotonic()
        assert client.agents.retrieve(str(extractor.id)).id == extractor.id
        assert time.monotonic() - start >= 0.9
    assert len(proxy.requests(f"/v1/agents/{extractor.id}/")) == 2


def test_tries_are_counted_and_end(server, proxy, extractor):
    proxy.inject(Fault("/v1/agents/", status=503, times=10, headers={"Retry-After": "1"}))
    with connect(server, base_url=proxy.url, max_retries=2) as client:
        with pytest.raises(ServerError):
            client.agents.retrieve(str(extractor.id))
    assert len(proxy.requests(f"/v1/agents/{extractor.id}/")) == 3


def test_runs_are_never_repeated_by_the_client(server, proxy, extractor):
    with connect(server, base_url=proxy.url, max_retries=3) as client:
        for call in (client.agents.run, client.agents.run_sync):
            proxy.inject(Fault("/v1/agents/run/", status=503))
            with pytest.raises(ServerError):
                call(str(extractor.id), text=invoice_text("N-1"))
    assert [seen.headers.get("x-roe-skip-retry") for seen in proxy.requests("/v1/agents/run/")] == ["1", "1"]
    assert server.call("GET", f"/v1/agents/{extractor.id}/jobs/").json()["count"] == 0


def test_a_lost_answer_to_a_create_is_a_taken_name_and_one_agent(server, proxy, unique):
    """Trap 36: the repeat of a create that worked finds the name taken; there are never two."""
    name = unique("Once")
    proxy.inject(Fault("^/v1/agents/", method="POST", after=True, cut=True))
    with connect(server, base_url=proxy.url, max_retries=1) as client:
        with pytest.raises(RoeAPIException) as taken:
            client.agents.create(name, "MultimodalExtractionEngine", [TEXT_INPUT], EXTRACTION)
        assert taken.value.status_code == 400
    assert len(proxy.requests("^/v1/agents/", "POST")) == 2
    found = server.call("GET", f"/v1/agents/?search={name.replace(' ', '%20')}").json()
    assert [agent["name"] for agent in found["results"]] == [name]


def test_a_lost_answer_to_a_keyed_run_is_found_again(server, proxy, extractor, unique):
    key = unique("key")
    proxy.inject(Fault("/async/", method="POST", after=True, cut=True))
    with connect(server, base_url=proxy.url) as client:
        with pytest.raises(Exception):  # noqa: B017 - the connection's own error
            client.agents.run(str(extractor.id), idempotency_key=key, text=invoice_text("N-2"))
        job = client.agents.run(str(extractor.id), idempotency_key=key, text=invoice_text("N-2"))
        assert output(done(job).outputs)["invoice_number"] == "N-2"
    assert server.call("GET", f"/v1/agents/{extractor.id}/jobs/").json()["count"] == 1


def test_repeated_cancels_and_deletes_of_data_do_no_harm(server, proxy, client, extractor):
    job = client.agents.run(str(extractor.id), text=invoice_text("N-3"))
    done(job)
    with connect(server, base_url=proxy.url, max_retries=1) as through:
        proxy.inject(Fault("/cancel/", after=True, cut=True), Fault("/delete-data/", after=True, cut=True))
        through.agents.jobs.cancel(job.id)
        assert through.agents.jobs.delete_data(job.id).status == "success"
    assert len(proxy.requests("/delete-data/")) == 2


def test_many_runs_survive_a_throttled_status(server, proxy, extractor):
    with connect(server, base_url=proxy.url, max_retries=1) as client:
        batch = client.agents.run_many(str(extractor.id), [{"text": invoice_text(f"N-{i}")} for i in range(10, 14)])
        proxy.inject(Fault("/statuses/", status=429, headers={"Retry-After": "1"}), Fault("/results/", status=503))
        assert [output(item.result)["invoice_number"] for item in batch.wait(interval=0.05)] == [f"N-{i}" for i in range(10, 14)]
