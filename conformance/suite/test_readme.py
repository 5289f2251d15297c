"""The examples of the client's readme for these resources, call by call: what users start from must run as it is."""

import json
import uuid

from roe import JobStatus

from harness.read import done


def test_quick_start(client, extractor, capsys):
    agent_id = str(extractor.id)
    job = client.agents.run(agent_id=agent_id, text="Analyze this text")
    result = job.wait(interval=0.05)
    for one in result.outputs:
        print(f"{one.key}: {one.value}")
    assert capsys.readouterr().out.startswith("output: {")


def test_job_result_inspection(client, extractor):
    result = client.agents.run(agent_id=str(extractor.id), text="Total: 5").wait(interval=0.05)
    assert result["status"] in (JobStatus.SUCCESS, JobStatus.CACHED)
    assert result["error_message"] is None and result.outputs


def test_multimodal_extraction(client, unique):
    agent = client.agents.create(
        name=unique("Listing Analyzer"),
        engine_class_id="MultimodalExtractionEngine",
        input_definitions=[{"key": "text", "data_type": "text/plain", "description": "Item description"}],
        engine_config={
            "model": "builtin",  # the readme names a provider's model, which needs that provider's key
            "text": "${text}",
            "instruction": "Analyze this product listing. Is it counterfeit?",
            "output_schema": {
                "type": "object",
                "properties": {
                    "is_counterfeit": {"type": "boolean", "description": "Whether likely counterfeit"},
                    "confidence": {"type": "number", "description": "Confidence score 0-1"},
                    "reasoning": {"type": "string", "description": "Explanation"},
                },
            },
        },
    )
    result = done(client.agents.run(agent_id=str(agent.id), text="Handbag, brand new, $50"))
    assert isinstance(json.loads(result.outputs[0].value), dict)


def test_document_insights(client, unique, invoice, tmp_path, monkeypatch):
    agent = client.agents.create(
        name=unique("Resume Parser"),
        engine_class_id="PDFExtractionEngine",
        input_definitions=[{"key": "pdf_files", "data_type": "application/pdf", "description": "Resume PDF"}],
        engine_config={
            "pdf_files": "${pdf_files}",
            "instructions": "Extract candidate information from this resume.",
            "output_schema": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "email": {"type": "string"},
                    "skills": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    )
    (tmp_path / "resume.pdf").write_bytes(invoice.read_bytes())
    monkeypatch.chdir(tmp_path)
    result = done(client.agents.run(agent_id=str(agent.id), pdf_files="resume.pdf"))
    assert isinstance(json.loads(result.outputs[0].value), dict)


def test_running_agents(client, extractor, unique):
    agent_id = str(extractor.id)
    assert client.agents.run(agent_id=agent_id, text=unique("input")).wait(interval=0.05).outputs
    assert client.agents.run_sync(agent_id=agent_id, text=unique("input"))
    batch = client.agents.run_many(agent_id=agent_id, batch_inputs=[{"text": "input1"}, {"text": "input2"}])
    assert len(batch.wait(interval=0.05)) == 2


def test_metadata(client, extractor, unique):
    agent_id, version_id = str(extractor.id), str(extractor.current_version_id)
    done(client.agents.run(agent_id=agent_id, metadata={"customer_id": "cust-123", "request_source": "api"}, text=unique()))
    assert client.agents.run_sync(agent_id=agent_id, metadata={"batch": "2026-02-12", "priority": "high"}, text=unique())
    batch = client.agents.run_many(agent_id=agent_id, batch_inputs=[{"text": unique()}], metadata={"campaign": "weekly-scan"})
    assert all(batch.wait(interval=0.05))
    done(client.agents.run_version(agent_id=agent_id, version_id=version_id, metadata={"experiment": "v2-prompt"}, text=unique()))
    agent = client.agents.retrieve(agent_id)
    done(client.agents.run(agent_id=str(agent.id), metadata={"source": "sdk"}, text=unique()))


def test_agent_management(client, extractor, unique):
    assert client.agents.list().count
    agent = client.agents.retrieve(str(extractor.id))
    client.agents.update(str(agent.id), name=unique("New Name"))
    duplicated_version = client.agents.duplicate(str(agent.id))
    new_agent_id = duplicated_version.base_agent.id
    client.agents.delete(str(new_agent_id))


def test_version_management(client, extractor, unique):
    agent_id = str(extractor.id)
    assert client.agents.versions.list(agent_id)
    current = client.agents.versions.retrieve_current(agent_id)
    assert client.agents.versions.retrieve(agent_id, str(current.id)).id == current.id
    version = client.agents.versions.create(
        agent_id=agent_id,
        version_name="v2",
        input_definitions=[{"key": "text", "data_type": "text/plain", "description": "Item description"}],
        engine_config={"text": "${text}", "output_schema": {"type": "object", "properties": {"n": {"type": "number"}}}},
    )
    client.agents.versions.update(agent_id, str(version.id), version_name="v2-updated")
    done(client.agents.run_version(agent_id, str(version.id), text=unique("input")))
    client.agents.versions.delete(agent_id, str(current.id))


def test_job_management(client, lab_client, lab_agent, extractor, unique):
    jobs = client.agents.run_many(str(extractor.id), [{"text": unique()}, {"text": unique()}])
    jobs.wait(interval=0.05)
    job_id1, job_id2 = jobs.job_ids
    assert client.agents.jobs.retrieve_status(job_id1).status == JobStatus.SUCCESS
    assert client.agents.jobs.retrieve_result(job_id1).outputs
    assert len(client.agents.jobs.retrieve_status_many([job_id1, job_id2])) == 2
    assert len(client.agents.jobs.retrieve_result_many([job_id1, job_id2])) == 2
    assert client.agents.jobs.delete_data(job_id1).status == "success"
    job = lab_client.agents.run(str(lab_agent("SavingEngine").id), text=unique())
    done(job)
    assert lab_client.agents.jobs.download_reference(job.id, "page-1.txt")


def test_errors(client):
    from roe.exceptions import NotFoundError, RoeAPIException

    try:
        client.agents.retrieve("00000000-0000-0000-0000-000000000000")
    except NotFoundError as exc:
        assert (exc.status_code, bool(exc.message)) == (404, True)
        assert isinstance(exc, RoeAPIException) and exc.headers.get("retry-after") is None
    else:
        raise AssertionError("the agent exists")


def test_discovery(client):
    assert client.discovery.list_agent_engine_types().engine_types
    assert client.discovery.list_supported_models(capability="text").models


def test_raw_access(client):
    response = client.raw.get_httpx_client().get("/v1/users/current_user/")
    assert response.status_code == 200
    assert uuid.UUID(client.config.organization_id)
