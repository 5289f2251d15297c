"""Files as inputs, in every form that the client takes."""

import io
import typing
import uuid

import pytest
from roe import FileUpload
from roe.exceptions import BadRequestError

from harness.read import done, output

TOTAL = 12886.51  # of the invoice


def test_a_path_is_uploaded(client, reader, invoice):
    result = done(client.agents.run(str(reader.id), pdf_files=str(invoice)))
    assert output(result.outputs)["total"] == TOTAL
    shown = result.inputs[0]
    assert shown["key"] == "pdf_files" and shown["file_name"] == "invoice.pdf"
    assert uuid.UUID(shown["value"].removeprefix("file_"))


def test_a_path_is_uploaded_by_the_synchronous_call(client, reader, invoice):
    assert output(client.agents.run_sync(str(reader.id), pdf_files=str(invoice)))["total"] == TOTAL


def test_an_open_file_is_uploaded_under_its_name(client, reader, invoice):
    with open(invoice, "rb") as file:
        result = done(client.agents.run(str(reader.id), pdf_files=file))
    assert output(result.outputs)["total"] == TOTAL
    assert result.inputs[0]["file_name"] == "invoice.pdf"


def test_a_stream_without_a_name_is_uploaded(client, reader, invoice):
    result = done(client.agents.run(str(reader.id), pdf_files=io.BytesIO(invoice.read_bytes())))
    assert output(result.outputs)["total"] == TOTAL


def test_a_file_upload_of_a_path(client, reader, invoice):
    upload = FileUpload(path=str(invoice))
    assert (upload.effective_filename, upload.effective_mime_type) == ("invoice.pdf", "application/pdf")
    with upload.open() as file:
        assert file.read(5) == b"%PDF-"
    assert output(done(client.agents.run(str(reader.id), pdf_files=upload)).outputs)["total"] == TOTAL


class Stream(io.BytesIO, typing.BinaryIO):
    """The one kind of stream that FileUpload takes: its check asks for typing.BinaryIO itself, which files are no instances of."""


def test_a_file_upload_of_a_stream_with_a_name_and_a_wrong_type(client, reader, invoice):
    upload = FileUpload(file_obj=Stream(invoice.read_bytes()), filename="März 2026.txt", mime_type="text/plain")
    assert upload.to_multipart_tuple()[::2] == ("März 2026.txt", "text/plain")
    result = done(client.agents.run(str(reader.id), pdf_files=upload))
    assert output(result.outputs)["total"] == TOTAL, "what a file is says its content"
    assert result.inputs[0]["file_name"] == "März 2026.txt"


def test_a_file_upload_of_a_path_with_another_name(client, reader, invoice):
    upload = FileUpload(path=str(invoice), filename="renamed.pdf", mime_type="application/octet-stream")
    result = done(client.agents.run(str(reader.id), pdf_files=upload))
    assert output(result.outputs)["total"] == TOTAL
    assert result.inputs[0]["file_name"] == "renamed.pdf"


def test_a_file_upload_needs_exactly_one_source(invoice):
    for given in ({}, {"path": str(invoice), "file_obj": Stream(b"x")}):
        with pytest.raises(ValueError):
            FileUpload(**given)


def test_a_url_is_fetched_by_the_server(client, reader, invoice, web):
    web.files["/invoice.pdf"] = ("application/pdf", invoice.read_bytes())
    result = done(client.agents.run(str(reader.id), pdf_files=web.url + "/invoice.pdf"))
    assert output(result.outputs)["total"] == TOTAL
    assert web.hits == ["/invoice.pdf"]
    assert result.inputs[0]["value"] == web.url + "/invoice.pdf"


def test_several_urls_in_one_text_are_several_files(client, reader, invoice, web):
    for name in ("/a.pdf", "/b.pdf"):
        web.files[name] = ("application/pdf", invoice.read_bytes())
    done(client.agents.run(str(reader.id), pdf_files=f"{web.url}/a.pdf, {web.url}/b.pdf"))
    assert sorted(web.hits) == ["/a.pdf", "/b.pdf"]


def upload(client, path, name="stored.pdf"):
    """Stores a file by the call beside the client's own methods, over the client's own connection."""
    with open(path, "rb") as file:
        answer = client.raw.get_httpx_client().post("/v1/files/", files={"file": (name, file, "application/pdf")})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize("form", ["file_id", "file_ref", "upper", "undashed"])
def test_a_stored_file_is_named_by_its_id(client, reader, invoice, form):
    stored = upload(client, invoice)
    value = {
        "file_id": stored["file_id"],
        "file_ref": stored["file_ref"],
        "upper": stored["file_id"].upper(),
        "undashed": stored["file_id"].replace("-", ""),
    }[form]
    result = done(client.agents.run(str(reader.id), pdf_files=value))
    assert output(result.outputs)["total"] == TOTAL
    assert result.inputs[0]["file_name"] == "stored.pdf"


def test_stored_files_are_inputs_of_many_runs(client, reader, invoice):
    stored = upload(client, invoice)
    other = upload(client, invoice, "other.pdf")
    items = [{"pdf_files": stored["file_id"]}, {"pdf_files": other["file_ref"]}, {"pdf_files": f"{stored['file_id']}, {other['file_id']}"}]
    results = client.agents.run_many(str(reader.id), items).wait(interval=0.1)
    assert [output(item.result)["total"] for item in results] == [TOTAL] * 3


def test_an_unknown_stored_file_is_a_bad_request(client, reader):
    with pytest.raises(BadRequestError) as refused:
        client.agents.run(str(reader.id), pdf_files=str(uuid.uuid4()))
    assert refused.value.response is None, "a bare list"


def test_text_in_place_of_a_file_is_a_bad_request(client, reader, invoice):
    for value in ("no file at all", str([str(invoice), str(invoice)]), invoice.read_bytes()[:100]):
        with pytest.raises(BadRequestError):
            client.agents.run(str(reader.id), pdf_files=value)


def test_repeated_parts_of_one_name_are_a_list_of_files(client, server, reader, invoice):
    """Newer releases send a list like this; these write its Python form as text, which is refused above."""
    data = invoice.read_bytes()
    parts = [("pdf_files", (name, data, "application/pdf")) for name in ("a.pdf", "b.pdf")]
    answer = client.raw.get_httpx_client().post(f"/v1/agents/run/{reader.id}/async/", files=parts)
    assert answer.status_code == 200, answer.text
    from roe import Job

    result = done(Job(client.agents, answer.json()))
    assert [i["file_name"] for i in result.inputs if i["key"] == "pdf_files"] == ["a.pdf", "b.pdf"]


def test_a_file_for_a_text_input_is_read_or_refused_in_words(client, extractor, tmp_path):
    note = tmp_path / "note.txt"
    note.write_text("Invoice number: F-1\nTotal: 3.00 EUR")
    try:
        result = client.agents.run(str(extractor.id), text=str(note)).wait(interval=0.05)
    except BadRequestError as refused:
        assert refused.message
    else:
        assert output(result.outputs)["invoice_number"] == "F-1"
