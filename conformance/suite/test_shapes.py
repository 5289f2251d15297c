"""The wire itself: every key that some client reads without a default is there, with its type, and lists are never null."""

import pytest

from conftest import EXTRACTION, SCHEMA, TEXT_INPUT
from harness import shapes
from harness.read import done, has_shape, invoice_text


@pytest.fixture(scope="module")
def agent(client):
    return client.agents.create("Of shapes", "MultimodalExtractionEngine", [TEXT_INPUT], EXTRACTION)


@pytest.fixture(scope="module")
def job(client, agent):
    """A finished job with metadata that is not all text."""
    made = client.agents.run(str(agent.id), text=invoice_text("P-1"), metadata={"a": 1, "b": True, "c": None, "d": {"e": 1}})
    done(made)
    return made.id


def ok(answer, status=200):
    assert answer.status == status, (answer.status, answer.body[:300])
    return answer.json()


def test_agents(server, agent, unique):
    body = {"name": unique("Shape"), "engine_class_id": "MultimodalExtractionEngine", "input_definitions": None, "engine_config": {"output_schema": SCHEMA}}
    has_shape(ok(server.call("POST", "/v1/agents/", body), 201), shapes.AGENT)
    has_shape(ok(server.call("GET", "/v1/agents/")), shapes.page(shapes.AGENT))
    has_shape(ok(server.call("GET", "/v1/agents/?include_job_stats=false")), shapes.page(shapes.AGENT))
    has_shape(ok(server.call("GET", f"/v1/agents/{agent.id}/")), shapes.AGENT)
    has_shape(ok(server.call("PATCH", f"/v1/agents/{agent.id}/", {"cache_failed_jobs": False})), shapes.AGENT)
    has_shape(ok(server.call("PUT", f"/v1/agents/{agent.id}/", {"name": "Of shapes"})), shapes.AGENT)


def test_duplicate_is_a_version_with_its_agent(server, agent):
    """Trap 10: one client reads a version, the other its base_agent."""
    made = ok(server.call("POST", f"/v1/agents/{agent.id}/duplicate/", headers={"Content-Type": "application/json"}), 201)
    has_shape(made, shapes.VERSION)
    assert made["base_agent"]["current_version_id"] == made["id"]


def test_versions(server, agent):
    path = f"/v1/agents/{agent.id}/versions/"
    made = ok(server.call("POST", path, {"version_name": "shaped", "input_definitions": None, "engine_config": None}), 201)
    has_shape(made, shapes.VERSION)
    has_shape(ok(server.call("GET", path)), [shapes.VERSION])  # trap 11: a bare array …
    has_shape(ok(server.call("GET", path + "?page=1&page_size=1")), shapes.page(shapes.VERSION))  # … unless a page is asked for
    has_shape(ok(server.call("GET", path + "current/?get_supports_eval=true")), {**shapes.VERSION, "supports_eval": "bool"})
    has_shape(ok(server.call("GET", f"{path}{made['id']}/")), shapes.VERSION)
    has_shape(ok(server.call("PATCH", f"{path}{made['id']}/", {"description": "d"})), {"message": "str"})
    has_shape(ok(server.call("PUT", f"{path}{made['id']}/", {"version_name": "n"})), {"message": "str"})


def test_runs(server, agent):
    path = f"/v1/agents/run/{agent.id}/"
    has_shape(ok(server.call("POST", path, {"text": invoice_text("P-2")})), [shapes.DATUM])
    has_shape(ok(server.call("POST", path + "async/", {"text": invoice_text("P-3")})), "uuid")
    has_shape(ok(server.call("POST", path + "async/many/", {"inputs": [{"text": invoice_text("P-4")}] * 2})), ["uuid"])
    version = path + f"versions/{agent.current_version_id}/"
    has_shape(ok(server.call("POST", version, {"text": invoice_text("P-5")})), [shapes.DATUM])
    has_shape(ok(server.call("POST", version + "async/", {"text": invoice_text("P-6")})), "uuid")


def test_bodies_of_runs_in_every_encoding(server, agent):
    """Trap 24: an empty body with a content type and no body at all are both runs without inputs."""
    path = f"/v1/agents/run/{agent.id}/async/"
    for kind in ("application/json", "application/x-www-form-urlencoded", ""):
        got = server.call("POST", path, b"", {"Content-Type": kind} if kind else None)
        assert (got.status, got.json()) == (400, ["Missing input key text"]), kind
    form = server.call("POST", path, b"text=a+b%26c", {"Content-Type": "application/x-www-form-urlencoded"})
    has_shape(ok(form), "uuid")
    multipart = b'--x\r\nContent-Disposition: form-data; name="text"\r\nContent-Type: text/plain\r\n\r\nabc\r\n--x--\r\n'
    has_shape(ok(server.call("POST", path, multipart, {"Content-Type": "multipart/form-data; boundary=x"})), "uuid")


def test_statuses_and_results(server, job):
    has_shape(ok(server.call("GET", f"/v1/agents/jobs/{job}/status/")), shapes.SINGLE_STATUS)
    has_shape(ok(server.call("GET", f"/v1/agents/jobs/{job}/result/")), shapes.RESULT)
    spelled = [job, job.upper(), job.replace("-", "")]
    got = ok(server.call("POST", "/v1/agents/jobs/statuses/", {"job_ids": spelled}))
    has_shape(got, [shapes.STATUS])
    assert [item["id"] for item in got] == [job] * 3  # traps 14 and 32: every id answered, in its canonical form
    got = ok(server.call("POST", "/v1/agents/jobs/results/", {"job_ids": spelled}))
    has_shape(got, [shapes.RESULT_ITEM])
    assert [item["id"] for item in got] == [job] * 3


def test_failed_and_open_jobs(lab, lab_client, lab_agent):
    failed = lab_client.agents.run(str(lab_agent("FailingEngine").id), text="x")
    failed.wait(interval=0.05)
    waiting = lab_client.agents.run(str(lab_agent("WaitingEngine").id), text="x").id
    for one, wanted in ((failed.id, 4), (waiting, None)):
        status = ok(lab.call("GET", f"/v1/agents/jobs/{one}/status/"))
        has_shape(status, shapes.SINGLE_STATUS)
        has_shape(ok(lab.call("POST", "/v1/agents/jobs/statuses/", {"job_ids": [one]})), [shapes.STATUS])
        has_shape(ok(lab.call("POST", "/v1/agents/jobs/results/", {"job_ids": [one]})), [shapes.RESULT_ITEM])
        assert wanted in (None, status["status"])
    has_shape(ok(lab.call("GET", f"/v1/agents/jobs/{failed.id}/result/")), {**shapes.RESULT, "error_message": "str"})
    assert lab.call("GET", f"/v1/agents/jobs/{waiting}/result/").status == 404
    lab_client.agents.jobs.cancel(waiting)


def test_job_list(server, agent, job):
    got = ok(server.call("GET", f"/v1/agents/{agent.id}/jobs/"))
    has_shape(got, shapes.page(shapes.JOB))
    listed = next(item for item in got["results"] if item["id"] == job)
    assert all(isinstance(value, str) for value in listed["metadata"].values())  # trap 5
    assert {event["status_code"] for event in listed["status_events"]} >= {0, 3}


def test_cancel_all_and_delete_data(server, agent, client):
    has_shape(ok(server.call("POST", f"/v1/agents/{agent.id}/jobs/cancel-all/", headers={"Content-Type": "application/json"})), shapes.CANCEL_ALL)
    made = client.agents.run(str(agent.id), text=invoice_text("P-9"))
    done(made)
    has_shape(ok(server.call("POST", f"/v1/agents/jobs/{made.id}/delete-data/")), shapes.DELETE_DATA)  # trap 9
    assert server.call("POST", f"/v1/agents/jobs/{made.id}/cancel/").status == 204


def test_resend(server, job):
    for body in (None, {}, {"webhook_id": None}):
        has_shape(ok(server.call("POST", f"/v1/agents/jobs/{job}/webhook/resend/", body)), shapes.RESEND)


def test_discovery_and_user(server):
    has_shape(ok(server.call("GET", "/v1/agents/types/")), shapes.ENGINES)
    has_shape(ok(server.call("GET", "/v1/agents/models/")), shapes.MODELS)
    has_shape(ok(server.call("GET", "/v1/users/current_user/")), shapes.USER)


def test_tags(server, agent, unique):
    tag = ok(server.call("POST", "/v1/agents/tags/", {"name": unique("t"), "color": "blue"}), 201)
    has_shape(tag, shapes.TAG)
    tagged = ok(server.call("PUT", f"/v1/agents/{agent.id}/tags/", {"tag_ids": [tag["id"]]}))
    has_shape(tagged, shapes.AGENT)
    assert [t["id"] for t in tagged["tags"]] == [tag["id"]]
    assert [t["usage_count"] for t in tagged["tags"]] == [1]
