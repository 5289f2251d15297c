"""Many runs at once: the client cuts them into requests of 1000."""

import uuid

import pytest
from roe import Job, JobBatch
from roe.exceptions import BadRequestError

from conftest import connect
from harness.read import CANCELLED, FAILURE, SUCCESS, invoice_text, output

pytestmark = pytest.mark.postgres


def test_2500_runs_are_started_watched_and_read(server, proxy, extractor):
    with connect(server, base_url=proxy.url, batch_chunk_delay=0.0) as client:
        batch = client.agents.run_many(
            agent_id=str(extractor.id),
            batch_inputs=[{"text": invoice_text(f"B-{i}")} for i in range(2500)],
            metadata={"campaign": "weekly"},
        )
        assert len(proxy.requests("/async/many/", "POST")) == 3
        assert len(set(batch.job_ids)) == 2500
        results = batch.wait(interval=0.2, timeout=120)
    assert [str(item.id) for item in results] == batch.job_ids
    assert [item.status for item in results] == [SUCCESS] * 2500
    assert [output(item.result)["invoice_number"] for item in results] == [f"B-{i}" for i in range(2500)]
    assert all(item.agent_version_id == extractor.current_version_id for item in results)


def test_a_batch_tells_of_its_jobs(client, extractor):
    batch = client.agents.run_many(str(extractor.id), [{"text": invoice_text("B-A")}, {"text": invoice_text("B-B")}], timeout_seconds=60)
    assert batch.timeout_seconds == 60 and isinstance(batch, JobBatch)
    assert [job.id for job in batch.jobs] == batch.job_ids
    assert all(isinstance(job, Job) and job.timeout_seconds == 60 for job in batch.jobs)
    assert set(batch.retrieve_status()) == set(batch.job_ids)
    batch.wait(interval=0.05)
    assert [s.status for s in batch.retrieve_status().values()] == [SUCCESS, SUCCESS]
    assert batch.jobs[1].wait(interval=0.05).agent_id == extractor.id


def test_metadata_of_a_batch_is_that_of_each_job(client, server, extractor):
    """The vendor's texts disagree; the top-level metadata applies to each job, and one inside an item is left out."""
    client.agents.run_many(str(extractor.id), [{"text": invoice_text("B-M"), "metadata": {"inner": "x"}}], metadata={"outer": "y"}).wait(interval=0.05)
    listed = server.call("GET", f"/v1/agents/{extractor.id}/jobs/").json()["results"][0]
    assert listed["metadata"] == {"outer": "y"}
    assert [i["key"] for i in listed["job_inputs"]] == ["text"]


def test_values_of_items_keep_their_content(client, extractor):
    items = [{"text": v} for v in ("plain", 12, 1.5, True, '{"a":1}')]
    results = client.agents.run_many(str(extractor.id), items).wait(interval=0.05)
    assert [r.inputs[0]["value"] for r in results] == ["plain", "12", "1.5", "true", '{"a":1}']


def test_one_bad_item_refuses_the_whole_request(client, server, extractor):
    with pytest.raises(BadRequestError) as refused:
        client.agents.run_many(str(extractor.id), [{"text": "good"}, {"other": "bad"}])
    assert "text" in refused.value.message
    assert server.call("GET", f"/v1/agents/{extractor.id}/jobs/").json()["count"] == 0


def test_no_items_make_no_request_and_no_jobs(client, server, extractor):
    batch = client.agents.run_many(str(extractor.id), [])
    assert batch.job_ids == [] and batch.wait() == []
    raw = server.call("POST", f"/v1/agents/run/{extractor.id}/async/many/", {"inputs": []})
    assert raw.status == 400 and list(raw.json()) == ["inputs"]


def test_more_than_1000_in_one_request_is_refused(server, extractor):
    many = server.call("POST", f"/v1/agents/run/{extractor.id}/async/many/", {"inputs": [{"text": "x"}] * 1001})
    assert many.status == 400 and list(many.json()) == ["inputs"]
    for call in ("statuses", "results"):
        got = server.call("POST", f"/v1/agents/jobs/{call}/", {"job_ids": [str(uuid.uuid4())] * 1001})
        assert got.status == 400 and list(got.json()) == ["job_ids"]


def test_failed_and_cancelled_jobs_have_their_places(lab_client, lab_agent):
    batch = lab_client.agents.run_many(str(lab_agent("FailingEngine").id), [{"text": str(i)} for i in range(3)])
    results = batch.wait(interval=0.05)
    assert [item.status for item in results] == [FAILURE] * 3
    assert not any(item.result for item in results)
    assert {s.error_message for s in batch.retrieve_status().values()} == {"The model will not answer this."}

    waiting = lab_client.agents.run_many(str(lab_agent("WaitingEngine").id), [{"text": "a"}, {"text": "b"}])
    for job in waiting.job_ids:
        lab_client.agents.jobs.cancel(job)
    assert [item.status for item in waiting.wait(interval=0.05, timeout=30)] == [CANCELLED] * 2


def test_wait_gives_up_in_time(lab_client, lab_agent):
    agent = str(lab_agent("WaitingEngine").id)
    batch = lab_client.agents.run_many(agent, [{"text": "a"}, {"text": "b"}])
    lab_client.agents.jobs.cancel(batch.job_ids[0])
    with pytest.raises(TimeoutError):
        batch.wait(interval=0.1, timeout=0.3)
    partly = batch.wait(interval=0.1, timeout=1, raise_on_timeout=False)
    assert partly[1] is None and partly[0].status == CANCELLED
    lab_client.agents.jobs.cancel_all(agent)
