"""Waiting for jobs: every end that there is, and none."""

import pytest
from roe import Job, JobStatus
from roe.exceptions import NotFoundError

from harness.peers import Fault
from harness.read import done, invoice_text, output
from conftest import connect


def test_wait_returns_the_result_with_its_status(client, extractor):
    result = client.agents.run(str(extractor.id), text=invoice_text("W-1")).wait(interval=0.05)
    assert result["status"] == JobStatus.SUCCESS
    assert result["error_message"] is None


def test_wait_does_not_raise_for_a_failed_job(lab_client, lab_agent):
    result = lab_client.agents.run(str(lab_agent("FailingEngine").id), text="x").wait(interval=0.05)
    assert result["status"] == JobStatus.FAILURE
    assert result["error_message"] == "The model will not answer this."
    assert result.outputs == []


def test_wait_does_not_raise_for_a_cancelled_job(lab_client, lab_agent):
    job = lab_client.agents.run(str(lab_agent("WaitingEngine").id), text="x")
    lab_client.agents.jobs.cancel(job.id)
    assert job.wait(interval=0.05)["status"] == JobStatus.CANCELLED


def test_wait_sees_a_job_through_its_second_attempt(lab, lab_client, lab_agent):
    agent = lab_agent("RecoveringEngine")
    job = lab_client.agents.run(str(agent.id), text="x")
    assert output(done(job).outputs) == {"attempt": 2}
    events = lab.call("GET", f"/v1/agents/{agent.id}/jobs/").json()["results"][0]["status_events"]
    assert [e["status_code"] for e in events] == [0, 1, JobStatus.RETRY, 1, JobStatus.SUCCESS]
    assert events[2]["error_message"] == "The provider hiccuped."


def test_wait_gives_up_in_time_and_the_job_goes_on(lab_client, lab_agent):
    job = lab_client.agents.run(str(lab_agent("WaitingEngine").id), timeout_seconds=1, text="x")
    assert job.timeout_seconds == 1
    with pytest.raises(TimeoutError):
        job.wait(interval=0.1, timeout=0.2)
    assert job.retrieve_status().status in (JobStatus.PENDING, JobStatus.STARTED), "the limit is the client's own"
    with pytest.raises(TimeoutError):
        job.wait(interval=0.2)
    with pytest.raises(NotFoundError):
        job.retrieve_result()
    lab_client.agents.jobs.cancel(job.id)


def test_a_job_is_picked_up_again_by_its_id(client, extractor):
    job = client.agents.run(str(extractor.id), text=invoice_text("W-2"))
    again = Job(client.agents, job.id)
    assert output(done(again).outputs)["invoice_number"] == "W-2"


def test_a_terminal_status_means_that_the_result_can_be_read(client, server, extractor):
    """Trap 39: waiters ask for the result at once, and raise on any error of it."""
    ids = client.agents.run_many(str(extractor.id), [{"text": invoice_text(f"T-{i}")} for i in range(40)]).job_ids
    open_ids = set(ids)
    while open_ids:
        for one in list(open_ids):
            if server.call("GET", f"/v1/agents/jobs/{one}/status/").json()["status"] >= 3:
                assert server.call("GET", f"/v1/agents/jobs/{one}/result/").status == 200
                open_ids.remove(one)


def test_wait_outlasts_a_server_that_stutters(server, proxy, extractor):
    with connect(server, base_url=proxy.url, max_retries=1) as client:
        job = client.agents.run(str(extractor.id), text=invoice_text("W-3"))
        proxy.inject(Fault("/status/", status=503), Fault("/result/", cut=True))
        assert output(done(job).outputs)["invoice_number"] == "W-3"
