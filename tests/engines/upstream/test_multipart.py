"""Forms of ours are read by servers that nobody here wrote, and by all of them alike."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser
from werkzeug.formparser import parse_form_data

from ringback.client.requests import upload
from ringback.engines.upstream.multipart import Upload, multipart
from ringback.http.multipart import FileForm
from tests.engines.upstream.world import PNG
from tests.forms import read_form

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=?-]{1,70}")  # RFC 2046 5.1.1; spaces are left out
_CONTENT_TYPE = "multipart/form-data; boundary="

Parts = set[tuple[str, bytes, bool]]  # names, contents, and whether each is a file
Form = tuple[str, bytes]


def by_aiohttp(form: Form) -> Parts:
    return {(part.name, part.content, part.filename is not None) for part in read_form(*form)}


def by_starlette(form: Form) -> Parts:
    async def body() -> AsyncIterator[bytes]:
        yield form[1]

    async def read() -> Parts:
        headers = Headers({"content-type": form[0]})
        data = await MultiPartParser(headers, body()).parse()  # type: ignore[arg-type]
        parts: Parts = set()
        for name, value in data.multi_items():
            if isinstance(value, UploadFile):
                parts.add((name, await value.read(), True))
            else:
                parts.add((name, value.encode(), False))
        await data.close()
        return parts

    return asyncio.run(read())


def by_werkzeug(form: Form) -> Parts:
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": form[0],
        "CONTENT_LENGTH": str(len(form[1])),
        "wsgi.input": BytesIO(form[1]),
    }
    _, fields, files = parse_form_data(environ)
    parts = {(name, value.encode(), False) for name, value in fields.items(multi=True)}
    for name, file in files.items(multi=True):
        parts.add((name, file.read(), True))
        file.close()
    return parts


READERS: list[Callable[[Form], Parts]] = [by_aiohttp, by_starlette, by_werkzeug]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
# What a reader may take for a boundary or for an end of line belongs in every run.
contents = st.binary(max_size=500) | st.sampled_from(
    [b"", b"\r\n", b"--", b"\r\n--ringback-", b"\r\n--\r\n", PNG, PNG + b"\r\n", bytes(9000)]
)


def check(form: Form, expected: Parts) -> None:
    kind = form[0]
    assert kind.startswith(_CONTENT_TYPE)
    assert _BOUNDARY.fullmatch(kind.removeprefix(_CONTENT_TYPE))
    for reader in READERS:
        assert reader(form) == expected, reader.__name__


@settings(max_examples=60, deadline=None)
@given(text=texts, files=st.lists(contents, min_size=1, max_size=3))
def test_a_form_for_a_provider_is_read_alike_everywhere(text: str, files: list[bytes]) -> None:
    fields: list[tuple[str, str | Upload]] = [
        ("prompt", text),
        *(("image[]", Upload(stem=f"image-{n}", content=file)) for n, file in enumerate(files)),
    ]
    expected = {("prompt", text.encode(), False), *(("image[]", file, True) for file in files)}
    check(multipart(fields), expected)


@settings(max_examples=60, deadline=None)
@given(filename=st.text(min_size=1, max_size=99), description=texts, file=contents)
def test_an_upload_of_the_client_is_read_alike_everywhere(
    filename: str, description: str, file: bytes
) -> None:
    request = upload(
        "/assets",
        (filename, file, "image/png"),
        {"description": description},
        idempotency_key="k",
    )
    form = request.headers["content-type"], request.content or b""
    expected = {("description", description.encode(), False), ("file", file, True)}
    check(form, expected)
    ours = FileForm(form[0].encode(), bytes_max=1 << 20)
    ours.feed(form[1])
    ours.finish()
    assert b"".join(ours.pending) == file


@pytest.mark.parametrize("length", [71, 73, 100])
def test_the_reader_of_our_stand_ins_refuses_boundaries_that_real_servers_refuse(
    length: int,
) -> None:
    boundary = "b" * length
    part = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--{boundary}--\r\n'
    )
    with pytest.raises(ValueError, match="too long"):
        read_form(_CONTENT_TYPE + boundary, part.encode())
