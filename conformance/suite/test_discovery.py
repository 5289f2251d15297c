"""What agents can be made of, and who is asking."""

import pytest
from roe.exceptions import AuthenticationError, BadRequestError

from conftest import connect


def test_engines_can_be_made_into_agents(client, unique):
    got = client.discovery.list_agent_engine_types()
    assert got.total_count == len(got.engine_types) == len(got.engines) > 0
    assert "MultimodalExtractionEngine" in got.engine_types
    engine = {e.to_dict()["class_id"]: e.to_dict() for e in got.engines}["MultimodalExtractionEngine"]
    assert "output_schema" in engine["input_schema"]["properties"]
    config = {**engine["default_values"], "text": "${text}", "output_schema": {"type": "object", "properties": {"n": {"type": "string"}}}}
    made = client.agents.create(unique("From defaults"), "MultimodalExtractionEngine", [{"key": "text", "data_type": "text/plain", "description": ""}], config)
    assert made.engine_name == engine["display_name"]


@pytest.mark.parametrize("capability", ["image", "audio", "video"])
def test_models_are_narrowed_by_what_they_read(client, capability):
    everything = client.discovery.list_supported_models()
    some = client.discovery.list_supported_models(capability=capability)
    assert everything.total_count == len(everything.models) >= some.total_count == len(some.models)
    assert all(capability in model.capabilities for model in some.models)


def test_capability_text_means_all_models(client):
    assert client.discovery.list_supported_models(capability="text").total_count == client.discovery.list_supported_models().total_count


def test_an_unknown_capability_is_a_bad_request(client):
    with pytest.raises(BadRequestError) as refused:
        client.discovery.list_supported_models(capability="smell")
    assert list(refused.value.response) == ["capability"]


def test_me_is_the_owner_of_the_key(client):
    me = client.users.me()
    assert "@" in me.email and isinstance(me.id, int) and me.display_name


def test_discovery_without_a_valid_key_is_an_authentication_error(server):
    with connect(server, api_key="sk-wrong") as client:
        for call in (client.discovery.list_agent_engine_types, client.discovery.list_supported_models, client.users.me):
            with pytest.raises(AuthenticationError):
                call()
