"""Versions of an agent: immutable content, one of them current."""

import uuid

import pytest
from roe.exceptions import BadRequestError, NotFoundError, RoeAPIException

from conftest import EXTRACTION, TEXT_INPUT
from harness.read import done, output

OTHER = {**EXTRACTION, "instruction": "Read only the number."}


def test_list_is_newest_first(client, extractor):
    second = client.agents.versions.create(str(extractor.id), [TEXT_INPUT], OTHER, "second")
    third = client.agents.versions.create(str(extractor.id), [TEXT_INPUT], EXTRACTION, "third")
    got = client.agents.versions.list(str(extractor.id))
    assert [version.id for version in got] == [third.id, second.id, extractor.current_version_id]
    assert {version.base_agent.id for version in got} == {extractor.id}
    assert {version.base_agent.current_version_id for version in got} == {third.id}


def test_create_makes_the_version_current(client, extractor):
    version = client.agents.versions.create(
        agent_id=str(extractor.id), version_name="v2", input_definitions=[TEXT_INPUT], engine_config=OTHER, description="Other words"
    )
    assert (version.version_name, version.description) == ("v2", "Other words")
    assert version.name == extractor.name
    assert version.engine_config == OTHER
    assert client.agents.versions.retrieve_current(str(extractor.id)).id == version.id
    assert client.agents.retrieve(str(extractor.id)).current_version_id == version.id


def test_create_without_content_keeps_that_of_the_current_version(client, extractor):
    version = client.agents.versions.create(str(extractor.id))  # the client sends [] and {}
    assert version.id != extractor.current_version_id
    assert version.version_name == "unnamed version"
    assert version.engine_config == EXTRACTION
    assert [definition.key for definition in version.input_definitions] == ["text"]


def test_create_refuses_what_create_of_an_agent_refuses(client, extractor):
    with pytest.raises(BadRequestError) as refused:
        client.agents.versions.create(str(extractor.id), [TEXT_INPUT], {**EXTRACTION, "text": "${other}"})
    assert list(refused.value.response) == ["engine_config"]
    assert len(client.agents.versions.list(str(extractor.id))) == 1


def test_retrieve_returns_one_version(client, extractor):
    version = client.agents.versions.retrieve(str(extractor.id), str(extractor.current_version_id))
    assert version.id == extractor.current_version_id
    assert version.input_definitions[0].to_dict()["data_type"] == "text/plain"
    assert version.readonly is False


def test_retrieve_tells_of_evaluation_when_asked(client, extractor):
    asked = client.agents.versions.retrieve(str(extractor.id), str(extractor.current_version_id), get_supports_eval=True)
    assert isinstance(asked.to_dict()["supports_eval"], bool)
    plain = client.agents.versions.retrieve(str(extractor.id), str(extractor.current_version_id), get_supports_eval=False)
    assert "supports_eval" not in plain.to_dict()


def test_a_version_of_another_agent_is_not_found(client, extractor, reader):
    for call in (client.agents.versions.retrieve, client.agents.versions.delete):
        with pytest.raises(NotFoundError):
            call(str(extractor.id), str(reader.current_version_id))
    with pytest.raises(NotFoundError):
        client.agents.versions.retrieve(str(extractor.id), str(uuid.uuid4()))


def test_update_changes_name_and_description_only(client, extractor):
    current = str(extractor.current_version_id)
    client.agents.versions.create(str(extractor.id), [TEXT_INPUT], OTHER)
    assert client.agents.versions.update(str(extractor.id), current, version_name="v1 again") is None
    client.agents.versions.update(str(extractor.id), current, description="Told later")
    version = client.agents.versions.retrieve(str(extractor.id), current)
    assert (version.version_name, version.description) == ("v1 again", "Told later")
    assert version.engine_config == EXTRACTION
    assert str(client.agents.retrieve(str(extractor.id)).current_version_id) != current, "an update does not promote"


@pytest.mark.since("1.1")
def test_replace_answers_a_message(client, extractor):
    said = client.agents.versions.replace(str(extractor.id), str(extractor.current_version_id), version_name="again", description="d")
    assert said.message
    assert client.agents.versions.retrieve_current(str(extractor.id)).version_name == "again"


def test_update_refuses_a_blank_name(client, extractor):
    with pytest.raises(BadRequestError) as refused:
        client.agents.versions.update(str(extractor.id), str(extractor.current_version_id), version_name="")
    assert list(refused.value.response) == ["version_name"]


def test_delete_removes_an_old_version_but_not_the_current_one(client, extractor):
    first = str(extractor.current_version_id)
    job = client.agents.run(str(extractor.id), text="Invoice number: V-1")
    done(job)
    second = client.agents.versions.create(str(extractor.id), [TEXT_INPUT], OTHER)
    with pytest.raises(RoeAPIException) as refused:
        client.agents.versions.delete(str(extractor.id), str(second.id))
    assert refused.value.status_code == 400
    client.agents.versions.delete(str(extractor.id), first)
    with pytest.raises(NotFoundError):
        client.agents.versions.retrieve(str(extractor.id), first)
    assert [version.id for version in client.agents.versions.list(str(extractor.id))] == [second.id]
    assert output(client.agents.jobs.retrieve_result(job.id).outputs)["invoice_number"] == "V-1", "its runs stay"
