"""Jobs: lists with filters, status, result, many at once, files, artifacts, cancelling, deleting of data, webhooks."""

import json
import sqlite3
import time
import uuid

import pytest
from roe.exceptions import BadRequestError, NotFoundError, RoeAPIException

from conftest import EXTRACTION, TEXT_INPUT
from harness.read import CANCELLED, SUCCESS, done, invoice_text, output

pytestmark = pytest.mark.postgres


def until(true, seconds=30.0):
    """Waits for a condition."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        got = true()
        if got:
            return got
        time.sleep(0.02)
    raise AssertionError("it did not come true")


@pytest.fixture
def finished(client, extractor):
    """A job that has succeeded."""
    job = client.agents.run(str(extractor.id), text=invoice_text("J-1"), metadata={"batch": "a", "n": 1})
    done(job)
    return job


def test_status_and_result_of_a_finished_job(client, extractor, finished):
    status = client.agents.jobs.retrieve_status(finished.id)
    assert status.status == SUCCESS and abs(status.timestamp - time.time()) < 60
    result = client.agents.jobs.retrieve_result(finished.id)
    assert result.agent_id == extractor.id
    assert output(result.outputs)["invoice_number"] == "J-1"
    assert result.inputs[0]["value"] == invoice_text("J-1")
    assert finished.retrieve_status().status == SUCCESS
    assert finished.retrieve_result().agent_version_id == extractor.current_version_id


def test_an_unknown_job_is_not_found_everywhere(client):
    unknown = str(uuid.uuid4())
    jobs = client.agents.jobs
    for call in (jobs.retrieve_status, jobs.retrieve_result, jobs.cancel, jobs.delete_data):
        with pytest.raises(NotFoundError):
            call(unknown)
    for many in (jobs.retrieve_status_many, jobs.retrieve_result_many):
        with pytest.raises(NotFoundError):
            many([unknown])
    with pytest.raises(NotFoundError):
        jobs.download_reference(unknown, "page-1.txt")


def test_many_statuses_and_results_come_in_order_and_all(client, extractor):
    batch = client.agents.run_many(str(extractor.id), [{"text": invoice_text(f"Q-{i}")} for i in range(5)])
    batch.wait(interval=0.05)
    asked = [*reversed(batch.job_ids), batch.job_ids[0]]
    statuses = client.agents.jobs.retrieve_status_many(asked)
    assert [s.status for s in statuses] == [SUCCESS] * 6
    assert [str(s.to_dict()["id"]) for s in statuses] == asked
    results = client.agents.jobs.retrieve_result_many(asked)
    assert [str(r.id) for r in results] == asked
    assert [output(r.result)["invoice_number"] for r in results] == ["Q-4", "Q-3", "Q-2", "Q-1", "Q-0", "Q-0"]
    assert {r.agent_id for r in results} == {extractor.id}


def test_nothing_asked_is_nothing_answered(client):
    assert client.agents.jobs.retrieve_status_many([]) == []
    assert client.agents.jobs.retrieve_result_many([]) == []


@pytest.fixture(scope="module")
def listed(client):
    """An agent with five jobs on two versions, oldest first."""
    agent = client.agents.create(f"Listed {uuid.uuid4().hex}", "MultimodalExtractionEngine", [TEXT_INPUT], EXTRACTION, "one")
    jobs = []
    for i in range(3):
        jobs.append(client.agents.run(str(agent.id), text=invoice_text(f"L-{i}"), metadata={"odd": str(i % 2), "i": str(i)}))
        done(jobs[-1])
    client.agents.versions.create(str(agent.id), [TEXT_INPUT], EXTRACTION, "two")
    for i in range(3, 5):
        jobs.append(client.agents.run(str(agent.id), text=invoice_text(f"L-{i}"), metadata={"odd": str(i % 2), "i": str(i)}))
        done(jobs[-1])
    return agent, [job.id for job in jobs]


@pytest.mark.since("1.1")
class TestList:
    """agents.jobs.list with every filter and order that the client has."""

    def ids(self, client, listed, **filters):
        return [str(job.id) for job in client.agents.jobs.list(str(listed[0].id), **filters).results]

    def test_is_newest_first_and_whole(self, client, listed):
        got = client.agents.jobs.list(str(listed[0].id))
        assert [str(job.id) for job in got.results] == listed[1][::-1]
        assert got.count == 5 and got.next_ is None and got.previous is None
        job = got.results[0]
        assert job.agent_version_name == "two" and job.status_code == SUCCESS
        assert [event.status_code for event in job.status_events][-1] == SUCCESS
        assert job.duration_ms >= 0 and job.creator.email
        assert job.metadata == {"odd": "0", "i": "4"} or job.metadata.to_dict() == {"odd": "0", "i": "4"}

    def test_pages(self, client, listed):
        seen = []
        for page in (1, 2, 3):
            got = client.agents.jobs.list(str(listed[0].id), page=page, page_size=2)
            seen += [str(job.id) for job in got.results]
            assert got.count == 5
        assert seen == listed[1][::-1]
        with pytest.raises(NotFoundError):
            client.agents.jobs.list(str(listed[0].id), page=4, page_size=2)

    def test_filters_by_status(self, client, listed):
        assert len(self.ids(client, listed, status_code="3")) == 5
        assert len(self.ids(client, listed, status_code="3,4,6")) == 5
        assert self.ids(client, listed, status_code="0,1,2,4,5") == []

    def test_filters_by_version_name(self, client, listed):
        assert self.ids(client, listed, version_name="one") == listed[1][2::-1]
        assert len(self.ids(client, listed, version_name="one,two")) == 5
        assert self.ids(client, listed, version_name="three") == []

    def test_filters_by_metadata(self, client, listed):
        assert self.ids(client, listed, metadata="odd:1") == [listed[1][3], listed[1][1]]
        assert self.ids(client, listed, metadata="odd:1,i:3") == [listed[1][3]]
        assert self.ids(client, listed, metadata="odd:2") == []

    def test_filters_by_time_in_every_form(self, client, listed):
        times = {str(j.id): j.created_at for j in client.agents.jobs.list(str(listed[0].id)).results}
        third = times[listed[1][2]]
        for form in (third.isoformat(), third.isoformat().replace("+00:00", "Z"), third.replace(tzinfo=None).isoformat()):
            assert self.ids(client, listed, created_from=form) == listed[1][:1:-1], form
            assert self.ids(client, listed, created_to=form) == listed[1][2::-1], form
            assert self.ids(client, listed, created_from=form, created_to=form) == [listed[1][2]], form

    def test_searches(self, client, listed):
        assert self.ids(client, listed, search="l-3") == [listed[1][3]]
        assert self.ids(client, listed, search=listed[1][1]) == [listed[1][1]]
        assert self.ids(client, listed, search="nowhere") == []

    @pytest.mark.parametrize("order", ["created_at", "id", "last_updated_at", "agent_version_name", "status_code", "cost", "duration", "grader_score"])
    def test_orders_both_ways(self, client, listed, order):
        up, down = self.ids(client, listed, ordering=order), self.ids(client, listed, ordering="-" + order)
        assert sorted(up) == sorted(down) == sorted(listed[1])
        if order in ("created_at", "last_updated_at", "id"):
            assert up == down[::-1] == listed[1]
        if order == "duration":
            lengths = [j.duration_ms for j in client.agents.jobs.list(str(listed[0].id), ordering=order).results]
            assert lengths == sorted(lengths)
        if order == "agent_version_name":
            assert set(up[:3]) == set(listed[1][:3]) and set(down[:2]) == set(listed[1][3:])

    def test_joins_filters_with_and(self, client, listed):
        assert self.ids(client, listed, version_name="one", metadata="odd:0", ordering="created_at") == [listed[1][0], listed[1][2]]

    @pytest.mark.parametrize("bad", [{"status_code": "9"}, {"status_code": "x"}, {"page_size": 0}])
    def test_refuses_bad_values(self, client, listed, bad):
        with pytest.raises(BadRequestError) as refused:
            self.ids(client, listed, **bad)
        assert list(refused.value.response) == list(bad)

    def test_of_an_unknown_agent_is_not_found(self, client):
        with pytest.raises(NotFoundError):
            client.agents.jobs.list(str(uuid.uuid4()))


def test_references_are_downloaded_byte_for_byte(lab_client, lab_agent):
    job = lab_client.agents.run(str(lab_agent("SavingEngine").id), text="x")
    urls = output(done(job).outputs)["references"]
    assert all(f"/v1/agents/jobs/{job.id}/references/" in url for url in urls)
    page, binary = (url.rstrip("/").rsplit("/", 1)[1] for url in urls)
    assert lab_client.agents.jobs.download_reference(job.id, page) == b"the first page"
    assert lab_client.agents.jobs.download_reference(job.id, binary) == bytes(range(256))
    assert lab_client.agents.jobs.download_reference(job.id, page, as_attachment=True) == b"the first page"


def test_references_say_what_they_are_and_answer_ranges(lab, lab_client, lab_agent):
    job = lab_client.agents.run(str(lab_agent("SavingEngine").id), text="x")
    done(job)
    path = f"/v1/agents/jobs/{job.id}/references/page-1.txt/"
    whole = lab.call("GET", path)
    assert whole.status == 200 and whole.headers["content-type"].startswith("text/plain")
    saved = lab.call("GET", path + "?download=true")
    assert saved.headers["content-disposition"].startswith("attachment") and "page-1.txt" in saved.headers["content-disposition"]
    part = lab.call("GET", path, headers={"Range": "bytes=4-8"})
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"first", "bytes 4-8/14")
    outside = lab.call("GET", path, headers={"Range": "bytes=100-"})
    assert outside.status == 416 and list(outside.json()) == ["error"]
    assert lab.call("GET", f"/v1/agents/jobs/{job.id}/references/no%20id/").status == 400


def test_an_unknown_reference_is_not_found(lab_client, lab_agent):
    job = lab_client.agents.run(str(lab_agent("SavingEngine").id), text="x")
    done(job)
    with pytest.raises(NotFoundError):
        lab_client.agents.jobs.download_reference(job.id, "page-2.txt")


@pytest.mark.since("1.1")
def test_artifacts_are_read_by_their_key(lab, lab_client, lab_agent):
    job = lab_client.agents.run(str(lab_agent("SavingEngine").id), text="x")
    done(job)
    key = f"agent-job-{job.id}/extraction_1.json"
    with pytest.raises(NotFoundError):
        lab_client.agents.jobs.retrieve_artifact(job.id, key)
    put_artifact(lab, job.id, "extraction_1.json", {"rows": [1, 2]})
    assert lab_client.agents.jobs.retrieve_artifact(job.id, key).result == {"rows": [1, 2]}
    other = lab_client.agents.run(str(lab_agent("SavingEngine").id), text="y")
    with pytest.raises(NotFoundError):
        lab_client.agents.jobs.retrieve_artifact(other.id, key)


def put_artifact(lab, job, key, result):
    """Stores an artifact in the database, under its name alone: no engine makes any yet."""
    values = (key, json.dumps(result), '{"secret":1}', "{}", "{}")
    if "database" in lab.config:
        from conftest import run_sql

        text = ", ".join("'" + v.replace("'", "''") + "'" for v in values)
        run_sql(lab.config["database"], f"INSERT INTO artifacts (job_id, key, result, metadata, input, usage) VALUES ('{job}', {text})")
        return
    with sqlite3.connect(lab.folder / "data" / "steward.db", timeout=10) as db:
        db.execute(
            "INSERT INTO artifacts (job_seq, key, result, metadata, input, usage) SELECT seq, ?, ?, ?, ?, ? FROM jobs WHERE id = ?",
            (*values, job),
        )
    db.close()


def test_cancel_ends_a_running_job(lab_client, lab_agent):
    job = lab_client.agents.run(str(lab_agent("WaitingEngine").id), text="x")
    until(lambda: job.retrieve_status().status == 1)
    assert lab_client.agents.jobs.cancel(job.id) is None
    result = job.wait(interval=0.05, timeout=30)
    assert result["status"] == CANCELLED and result.outputs == []
    lab_client.agents.jobs.cancel(job.id)
    assert job.retrieve_status().status == CANCELLED


def test_cancel_of_a_finished_job_changes_nothing(client, finished):
    client.agents.jobs.cancel(finished.id)
    assert client.agents.jobs.retrieve_status(finished.id).status == SUCCESS


def test_cancel_all_ends_the_open_jobs_of_one_agent(lab_client, lab_agent):
    agent, other = lab_agent("WaitingEngine"), lab_agent("WaitingEngine")
    batch = lab_client.agents.run_many(str(agent.id), [{"text": str(i)} for i in range(5)])
    stays = lab_client.agents.run(str(other.id), text="x")
    said = lab_client.agents.jobs.cancel_all(str(agent.id))
    if said is not None:  # the older release returns nothing
        assert said.targeted_count == 5
    assert [item.status for item in batch.wait(interval=0.05, timeout=30)] == [CANCELLED] * 5
    assert stays.retrieve_status().status in (0, 1)
    lab_client.agents.jobs.cancel(stays.id)
    again = lab_client.agents.jobs.cancel_all(str(agent.id))
    assert again is None or again.targeted_count == 0


def test_delete_data_empties_a_finished_job(client, extractor, finished):
    said = client.agents.jobs.delete_data(finished.id)
    assert said.status == "success" and said.failed_count == 0 and said.blob_sanitized is True
    assert said.artifacts_deleted_count == 0 and said.artifacts_failed_count == 0
    status = client.agents.jobs.retrieve_status(finished.id)
    assert status.status == SUCCESS
    result = client.agents.jobs.retrieve_result(finished.id)
    assert "J-1" not in json.dumps(result.to_dict()), "nothing of what went in or came out is left"
    again = client.agents.jobs.delete_data(finished.id)
    assert again.status == "success" and again.deleted_count == 0
    fresh = client.agents.run(str(extractor.id), text=invoice_text("J-1"))
    done(fresh)  # and not CACHED: the cache has forgotten it too


def test_delete_data_removes_saved_files(lab_client, lab_agent):
    job = lab_client.agents.run(str(lab_agent("SavingEngine").id), text="x")
    done(job)
    lab_client.agents.jobs.delete_data(job.id)
    with pytest.raises(NotFoundError):
        lab_client.agents.jobs.download_reference(job.id, "page-1.txt")


def test_delete_data_of_an_open_job_is_refused(lab_client, lab_agent):
    job = lab_client.agents.run(str(lab_agent("WaitingEngine").id), text="x")
    with pytest.raises(BadRequestError) as refused:
        lab_client.agents.jobs.delete_data(job.id)
    assert list(refused.value.response) == ["error"]
    lab_client.agents.jobs.cancel(job.id)


@pytest.mark.since("1.1")
def test_resend_webhook_counts_what_it_queued(client, server, extractor, finished, web):
    assert client.agents.jobs.resend_webhook(finished.id).queued == 0
    made = server.call("POST", "/v1/webhooks/", {"name": f"Hook {uuid.uuid4().hex}", "url": web.url + "/hook", "events": ["job_completed"]})
    assert made.status == 201, made
    hook = made.json()["id"]
    linked = server.call("POST", f"/v1/webhooks/{hook}/agents/", {"agent_ids": [str(extractor.id)]})
    assert linked.status == 201, linked
    assert client.agents.jobs.resend_webhook(finished.id).queued == 1
    assert client.agents.jobs.resend_webhook(finished.id, hook).queued == 1
    with pytest.raises(NotFoundError):
        client.agents.jobs.resend_webhook(finished.id, str(uuid.uuid4()))
    with pytest.raises(NotFoundError):
        client.agents.jobs.resend_webhook(str(uuid.uuid4()))
    assert server.call("DELETE", f"/v1/webhooks/{hook}/").status == 204


@pytest.mark.since("1.1")
def test_resend_webhook_of_an_open_job_is_refused(lab_client, lab_agent):
    job = lab_client.agents.run(str(lab_agent("WaitingEngine").id), text="x")
    with pytest.raises(RoeAPIException) as refused:
        lab_client.agents.jobs.resend_webhook(job.id)
    assert refused.value.status_code == 400 and list(refused.value.response) == ["error"]
    lab_client.agents.jobs.cancel(job.id)
