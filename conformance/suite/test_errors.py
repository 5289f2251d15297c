"""Errors: every class of the client, from a server that means it."""

import datetime
import json
import uuid

import pytest
from roe import exceptions
from roe.exceptions import (
    AuthenticationError,
    BadRequestError,
    ForbiddenError,
    InsufficientCreditsError,
    NotFoundError,
    RoeAPIException,
    ServerError,
)

from conftest import EXTRACTION, SCHEMA, TEXT_INPUT, connect
from harness.peers import Fault, Provider
from harness.read import done, invoice_text


def test_400_is_bad_request(client, unique):
    with pytest.raises(BadRequestError) as refused:
        client.agents.create(unique("x"), "NoSuchEngine")
    assert refused.value.status_code == 400
    assert refused.value.response["engine_class_id"] == [refused.value.message]


def test_401_is_authentication_error(server, extractor):
    with connect(server, api_key="sk-unknown") as stranger:
        for call in (
            lambda: stranger.agents.list(),
            lambda: stranger.agents.run(str(extractor.id), text="x"),
            lambda: stranger.agents.jobs.retrieve_status(str(uuid.uuid4())),
        ):
            with pytest.raises(AuthenticationError) as refused:
                call()
            assert refused.value.status_code == 401 and refused.value.message
            assert list(refused.value.response) == ["detail"]


def test_402_is_insufficient_credits(serve, unique, tmp_path):
    with Provider() as provider:
        catalogue = tmp_path / "catalogue.json"
        model = {
            "id": "paid",
            "providers": ["local"],
            "capabilities": ["text"],
            "context_window": 100_000,
            "max_output_tokens": 10_000,
            "supports_system_message": True,
            "supports_json_output": True,
            "supports_json_schema": True,
            "price": {"input": 1000, "output": 1000},  # dollars for a million tokens
        }
        catalogue.write_text(json.dumps({"models": [model]}))
        local = {"kind": "openaicompat", "base_url": provider.url + "/v1", "api_key": "x", "models": ["paid"]}
        server = serve(
            "budget",
            models={"catalogue": str(catalogue), "providers": {"local": local}},
            budget={"organization_usd_per_day": 0.5},
        )
        with connect(server) as client:
            schema = {"type": "object", "properties": {"total": SCHEMA["properties"]["total"]}}
            config = {**EXTRACTION, "model": "paid", "output_schema": schema}
            agent = str(client.agents.create(unique("Paid"), "MultimodalExtractionEngine", [TEXT_INPUT], config).id)
            done(client.agents.run(agent, text="Total: 12.50"))
            assert provider.calls == 1
            for call in (
                lambda: client.agents.run(agent, text="Total: 13"),
                lambda: client.agents.run_sync(agent, text="Total: 14"),
                lambda: client.agents.run_many(agent, [{"text": "Total: 15"}]),
            ):
                with pytest.raises(InsufficientCreditsError) as refused:
                    call()
                assert refused.value.message == "Insufficient credits to start a new job"
            assert provider.calls == 1


def test_403_is_forbidden_for_a_key_without_the_scope(server, extractor, unique):
    with connect(server, api_key=server.make_key("read")) as reader:
        assert reader.agents.retrieve(str(extractor.id)).id == extractor.id
        for call in (
            lambda: reader.agents.create(unique("x"), "MultimodalExtractionEngine", [TEXT_INPUT], EXTRACTION),
            lambda: reader.agents.update(str(extractor.id), name="x"),
            lambda: reader.agents.delete(str(extractor.id)),
            lambda: reader.agents.duplicate(str(extractor.id)),
            lambda: reader.agents.versions.create(str(extractor.id)),
            lambda: reader.agents.run(str(extractor.id), text="x"),
            lambda: reader.agents.run_sync(str(extractor.id), text="x"),
            lambda: reader.agents.run_many(str(extractor.id), [{"text": "x"}]),
            lambda: reader.agents.jobs.cancel_all(str(extractor.id)),
        ):
            with pytest.raises(ForbiddenError) as refused:
                call()
            assert refused.value.status_code == 403


def test_403_is_forbidden_for_another_organization(server):
    with connect(server, organization_id=str(uuid.uuid4())) as foreign:
        for call in (
            lambda: foreign.agents.list(),
            lambda: foreign.agents.create("x", "MultimodalExtractionEngine", [TEXT_INPUT], EXTRACTION),
            lambda: foreign.agents.jobs.retrieve_status(str(uuid.uuid4())),
        ):
            with pytest.raises(ForbiddenError):
                call()
    for header in ("X-Organization-Id", "X-Roe-Organization-Id"):
        assert server.call("GET", "/v1/users/current_user/", headers={header: str(uuid.uuid4())}).status == 403
        assert server.call("GET", "/v1/users/current_user/", headers={header: server.organization}).status == 200


def test_an_organization_that_is_no_uuid_is_named(server):
    got = server.call("GET", "/v1/agents/?organization_id=x")
    assert got.status == 400 and isinstance(got.json()["organization_id"], str)


def test_404_is_not_found_with_the_request_id(client):
    with pytest.raises(NotFoundError) as missing:
        client.agents.retrieve(str(uuid.uuid4()))
    assert missing.value.message and list(missing.value.response) == ["detail"]
    assert missing.value.headers["x-request-id"]


def test_409_and_the_like_are_the_base_class(client, server, proxy):
    with connect(server, base_url=proxy.url) as through:
        proxy.inject(Fault("/v1/agents/", status=409, body=b'{"error":"job already finished"}'))
        with pytest.raises(RoeAPIException) as conflict:
            through.agents.list()
    assert type(conflict.value) is RoeAPIException
    assert (conflict.value.status_code, conflict.value.message) == (409, "job already finished")


def test_413_is_json_of_the_server(server, extractor):
    answer = server.call("POST", "/v1/agents/", b'{"name":"' + b"x" * (20 << 20) + b'"}', {"Content-Type": "application/json"})
    assert answer.status == 413 and list(answer.json()) == ["detail"]


def test_429_carries_retry_after(server, proxy):
    later = datetime.datetime.now(datetime.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    with connect(server, base_url=proxy.url) as client:
        for value in ("7", later):
            proxy.inject(Fault("/v1/agents/", status=429, headers={"Retry-After": value}, body=b'{"detail":"Request was throttled."}'))
            with pytest.raises(RoeAPIException) as throttled:
                client.agents.list()
            assert throttled.value.status_code == 429
            assert throttled.value.headers["retry-after"] == value
            assert isinstance(throttled.value, getattr(exceptions, "RateLimitError", RoeAPIException))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_5xx_is_server_error(server, proxy, status):
    with connect(server, base_url=proxy.url) as client:
        proxy.inject(Fault("/v1/agents/", status=status))
        with pytest.raises(ServerError) as failed:
            client.agents.list()
    assert (failed.value.status_code, failed.value.message) == (status, "injected")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no/such/path", 404),
        ("GET", "/v1/nothing/", 404),
        ("PUT", "/v1/agents/", 405),
        ("TRACE", "/v1/agents/", 405),
        ("GET", "/v1/agents/not-a-uuid/", 404),
        ("GET", "/v1/agents/?page=0", 404),
        ("GET", "/v1/agents/?page=x", 400),
        ("POST", "/v1/agents/", 400),
    ],
)
def test_every_error_is_json_with_one_message(server, method, path, status):
    """Traps 21 and 22: clients parse the body before they raise, and rank two messages differently."""
    answer = server.call(method, path)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    if isinstance(body, dict):
        assert len({"detail", "error", "message"} & set(body)) <= 1
    assert answer.headers["x-request-id"]


def test_paths_answer_without_the_slash_too_and_never_redirect(server):
    """Trap 23."""
    for path in ("/v1/agents", "/v1/users/current_user", "/v1/agents/types", "/v1/agents/models"):
        assert server.call("GET", path).status == 200
        assert server.call("GET", path + "/").status == 200


def test_a_failed_chunk_of_many_is_an_exception(server, proxy, extractor):
    with connect(server, base_url=proxy.url) as client:
        proxy.inject(Fault("/async/many/", status=503))
        with pytest.raises(ServerError):
            client.agents.run_many(str(extractor.id), [{"text": invoice_text("E-1")}])
    assert len(proxy.requests("/async/many/")) == 1
