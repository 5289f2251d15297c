"""Agents: create, read, list, change, copy, delete."""

import datetime
import uuid

import pytest
from roe.exceptions import BadRequestError, NotFoundError

from conftest import EXTRACTION, SCHEMA, TEXT_INPUT, connect


def test_create_returns_the_whole_agent(client, server, unique):
    name = unique("Listing Analyzer")
    agent = client.agents.create(
        name=name,
        engine_class_id="MultimodalExtractionEngine",
        input_definitions=[TEXT_INPUT],
        engine_config=EXTRACTION,
        version_name="first",
        description="Reads invoices",
    )
    assert agent.name == name
    assert agent.engine_class_id == "MultimodalExtractionEngine"
    assert agent.engine_name
    assert str(agent.organization_id) == server.organization
    assert isinstance(agent.id, uuid.UUID) and isinstance(agent.current_version_id, uuid.UUID)
    assert agent.disable_cache is False and agent.cache_failed_jobs is False
    assert agent.tags == []
    assert agent.creator.email
    assert abs(datetime.datetime.now(datetime.UTC) - agent.created_at) < datetime.timedelta(minutes=1)
    version = client.agents.versions.retrieve_current(str(agent.id))
    assert (version.version_name, version.description) == ("first", "Reads invoices")
    assert version.engine_config == EXTRACTION


def test_create_refuses_a_taken_name(client, extractor):
    with pytest.raises(BadRequestError) as refused:
        client.agents.create(extractor.name, "MultimodalExtractionEngine", [TEXT_INPUT], EXTRACTION)
    assert "name" in refused.value.response


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"engine_class_id": "NoSuchEngine"}, "engine_class_id"),
        ({"engine_config": {**EXTRACTION, "text": "${nothing}"}}, "engine_config"),
        ({"engine_config": {**EXTRACTION, "model": "no-such-model"}}, "engine_config"),
        ({"input_definitions": [TEXT_INPUT, TEXT_INPUT]}, "input_definitions"),
        ({"input_definitions": [{**TEXT_INPUT, "data_type": "no/such"}]}, "input_definitions"),
        ({"version_name": ""}, "version_name"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_create_names_the_field_that_is_wrong(client, unique, given, field):
    right = {
        "name": unique("Agent"),
        "engine_class_id": "MultimodalExtractionEngine",
        "input_definitions": [TEXT_INPUT],
        "engine_config": EXTRACTION,
    }
    with pytest.raises(BadRequestError) as refused:
        client.agents.create(**{**right, **given})
    assert list(refused.value.response) == [field]


def test_retrieve_returns_what_was_created(client, extractor):
    again = client.agents.retrieve(str(extractor.id))
    assert again.to_dict() | {"job_count": None, "most_recent_job": None} == extractor.to_dict() | {
        "job_count": None,
        "most_recent_job": None,
    }
    assert again.job_count in (0, None)


def test_retrieve_of_an_unknown_agent_is_not_found(client):
    with pytest.raises(NotFoundError) as missing:
        client.agents.retrieve(str(uuid.uuid4()))
    assert missing.value.status_code == 404


def test_list_pages_through_all_agents_once(client, unique):
    made = [client.agents.create(unique("Paged"), "MultimodalExtractionEngine", [TEXT_INPUT], EXTRACTION) for _ in range(5)]
    seen, page = [], 1
    while True:
        got = client.agents.list(page=page, page_size=2)
        assert len(got.results) <= 2
        seen += [agent.id for agent in got.results]
        if not got.next_:
            break
        page += 1
    assert len(seen) == len(set(seen)) == got.count
    assert {agent.id for agent in made} <= set(seen)


def test_list_without_parameters_is_the_newest_first_page(client, extractor):
    got = client.agents.list()
    assert got.results[0].id == extractor.id
    assert len(got.results) <= 20


def test_list_beyond_the_end_is_not_found(client, extractor):
    with pytest.raises(NotFoundError) as missing:
        client.agents.list(page=100_000, page_size=10)
    assert missing.value.message == "Invalid page."


def test_links_of_a_page_lead_to_its_neighbours(client, server, unique):
    for _ in range(3):
        client.agents.create(unique("Linked"), "MultimodalExtractionEngine", [TEXT_INPUT], EXTRACTION)
    got = client.agents.list(page=2, page_size=1)
    from roe.utils.pagination import PaginationHelper

    assert PaginationHelper.extract_page_from_url(got.next_) == 3
    assert PaginationHelper.extract_page_from_url(got.previous) == 1
    after = server.call("GET", got.next_.removeprefix(server.url))
    assert after.status == 200 and after.json()["count"] == got.count
    params = PaginationHelper.build_query_params(server.organization, page=3, page_size=1)
    same = client.raw.get_httpx_client().get("/v1/agents/", params=params)
    assert same.json()["results"] == after.json()["results"]


def test_tags_of_an_agent_are_read_by_the_client(client, server, extractor, unique):
    made = server.call("POST", "/v1/agents/tags/", {"name": unique("tag"), "color": "purple"})
    assert made.status == 201, made
    assert server.call("PUT", f"/v1/agents/{extractor.id}/tags/", {"tag_ids": [made.json()["id"]]}).status == 200
    for agent in (client.agents.retrieve(str(extractor.id)), client.agents.list().results[0]):
        tags = [tag if isinstance(tag, dict) else tag.to_dict() for tag in agent.tags]  # the older release does not read them
        assert [(tag["name"], tag["color"], tag["usage_count"]) for tag in tags] == [(made.json()["name"], "purple", 1)]
    assert len(client.agents.versions.retrieve_current(str(extractor.id)).base_agent.tags) == 1


def test_update_changes_what_is_given_and_nothing_else(client, extractor, unique):
    name = unique("Renamed")
    changed = client.agents.update(str(extractor.id), name=name)
    assert (changed.id, changed.name, changed.disable_cache) == (extractor.id, name, False)
    changed = client.agents.update(str(extractor.id), disable_cache=True, cache_failed_jobs=True)
    assert (changed.name, changed.disable_cache, changed.cache_failed_jobs) == (name, True, True)
    assert client.agents.retrieve(str(extractor.id)).name == name


@pytest.mark.since("1.1")
def test_replace_answers_the_agent(client, extractor, unique):
    name = unique("Replaced")
    changed = client.agents.replace(str(extractor.id), name=name, disable_cache=True)
    assert (changed.id, changed.name, changed.disable_cache) == (extractor.id, name, True)


def test_update_refuses_a_blank_or_taken_name(client, extractor, reader):
    for name in ("", reader.name):
        with pytest.raises(BadRequestError) as refused:
            client.agents.update(str(extractor.id), name=name)
        assert list(refused.value.response) == ["name"]
    assert client.agents.retrieve(str(extractor.id)).name == extractor.name


def test_duplicate_returns_the_first_version_of_a_new_agent(client, extractor):
    client.agents.update(str(extractor.id), disable_cache=True)
    version = client.agents.duplicate(str(extractor.id))
    copy = version.base_agent
    assert copy.id != extractor.id and copy.current_version_id == version.id
    assert copy.name != extractor.name and copy.name.startswith(extractor.name)
    assert version.engine_config["output_schema"] == SCHEMA
    assert client.agents.retrieve(str(copy.id)).disable_cache is True
    again = client.agents.duplicate(str(extractor.id))
    assert again.base_agent.name not in (copy.name, extractor.name)


def test_delete_removes_the_agent_and_frees_its_name(client, extractor):
    job = client.agents.run(str(extractor.id), text="Invoice number: D-1")
    job.wait(interval=0.05)
    client.agents.delete(str(extractor.id))
    for gone in (
        lambda: client.agents.retrieve(str(extractor.id)),
        lambda: client.agents.delete(str(extractor.id)),
        lambda: client.agents.versions.list(str(extractor.id)),
        lambda: client.agents.run(str(extractor.id), text="x"),
        lambda: client.agents.jobs.retrieve_status(job.id),
        lambda: client.agents.jobs.retrieve_result(job.id),
    ):
        with pytest.raises(NotFoundError):
            gone()
    assert extractor.id not in [agent.id for agent in client.agents.list(page_size=100).results]
    again = client.agents.create(extractor.name, "MultimodalExtractionEngine", [TEXT_INPUT], EXTRACTION)
    assert again.id != extractor.id


def test_the_client_is_a_context_manager_and_closes(server):
    with connect(server) as client:
        assert client.agents.list(page_size=1).count >= 0
        assert client.agents.versions and client.agents.jobs
    with pytest.raises(RuntimeError):
        client.agents.list()
    other = connect(server)
    other.close()
    with pytest.raises(RuntimeError):
        other.users.me()


def test_the_client_takes_its_settings_from_the_environment(server, monkeypatch):
    from roe import RoeClient

    monkeypatch.setenv("ROE_API_KEY", server.key)
    monkeypatch.setenv("ROE_ORGANIZATION_ID", server.organization)
    monkeypatch.setenv("ROE_BASE_URL", server.url + "/")
    with RoeClient() as client:
        assert client.users.me().email
