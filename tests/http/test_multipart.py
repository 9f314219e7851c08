"""Forms as programs make them, those with libraries for mail among them."""

from __future__ import annotations

from base64 import b64encode, encodebytes
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import HTTP
from quopri import encodestring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.errors import InvalidRequest
from ringback.http.multipart import FileForm
from ringback.http.part_encodings import Base64Part, QuotedPart

FILE = bytes(range(256)) * 3 + b"\r\n--b\r\n=\n \t\n"
_NAMED = b'Content-Disposition: form-data; name="file"; filename="a.png"'


def received(content_type: str, body: bytes, *, step: int) -> FileForm:
    """Read a form in pieces of that many bytes."""
    form = FileForm(content_type.encode(), bytes_max=1 << 20)
    for at in range(0, len(body), step):
        form.feed(body[at : at + step])
    form.finish()
    return form


def a_form(
    file: bytes, *, encoding: bytes = b"", before: bytes = b"", behind: bytes = b"--"
) -> bytes:
    """A form with one file, as bytes."""
    line = b"\r\nContent-Transfer-Encoding: " + encoding if encoding else b""
    return before + b"--edge\r\n" + _NAMED + line + b"\r\n\r\n" + file + b"\r\n--edge" + behind


FORMS = {
    "plain": a_form(FILE),
    "binary": a_form(FILE, encoding=b"binary"),
    "8bit": a_form(FILE, encoding=b"8bit"),
    "an unknown encoding": a_form(FILE, encoding=b"x-none"),
    "base64 in lines": a_form(encodebytes(FILE).replace(b"\n", b"\r\n"), encoding=b"base64"),
    "base64 in one line": a_form(b64encode(FILE), encoding=b" BASE64 "),
    "base64 without padding": a_form(b64encode(FILE).rstrip(b"="), encoding=b"Base64"),
    "quoted-printable": a_form(
        b"=\r\n".join(b"=%02X" % byte for byte in FILE), encoding=b"Quoted-Printable"
    ),
    "text before it": a_form(FILE, before=b"This is a multi-part message in MIME format.\r\n"),
    "text that has a boundary in it": a_form(FILE, before=b"see --edge below\r\n--ed\r\n\r\n"),
    "blank lines before it": a_form(FILE, before=b"\r\n\r\n"),
    "text behind it": a_form(FILE, behind=b"--\r\nthe end\r\n--edge\r\n"),
}


@pytest.mark.parametrize("step", [1, 3, 1_000_000])
@pytest.mark.parametrize("name", FORMS)
def test_a_file_arrives_as_it_is_in_every_encoding(name: str, step: int) -> None:
    form = received("multipart/form-data; boundary=edge", FORMS[name], step=step)
    assert b"".join(form.pending) == FILE
    assert form.filename == "a.png"


def test_a_form_made_by_pythons_library_for_mail_is_read() -> None:
    message = MIMEMultipart("form-data", policy=HTTP)
    message.preamble = "Made for mail."
    picture = MIMEImage(FILE, "png", policy=HTTP)
    picture.add_header("Content-Disposition", "form-data", name="file", filename="fox.png")
    words = MIMEText("ein Füchslein", "plain", "utf-8", policy=HTTP)
    words.add_header("Content-Disposition", "form-data", name="description")
    message.attach(picture)
    message.attach(words)
    body = message.as_bytes().partition(b"\r\n\r\n")[2]
    form = received(str(message["Content-Type"]), body, step=100)
    assert (b"".join(form.pending), form.description) == (FILE, "ein Füchslein")


@given(st.binary(max_size=400), st.integers(1, 50), st.integers(1, 90))
def test_any_bytes_come_back_from_both_encodings(data: bytes, step: int, line: int) -> None:
    encoded = b64encode(data)
    lines = b"\r\n".join(encoded[at : at + line] for at in range(0, len(encoded), line))
    for decoder, sent in ((Base64Part(), lines), (QuotedPart(), encodestring(data, True))):
        parts = [decoder.feed(sent[at : at + step]) for at in range(0, len(sent), step)]
        assert b"".join(parts) + decoder.finish() == data


@pytest.mark.parametrize("wrong", [b"not base64!", b"AAA=AAAA", b"A"])
def test_a_part_in_no_encoding_is_refused_in_a_sentence(wrong: bytes) -> None:
    for step in (1, 1_000):
        with pytest.raises(InvalidRequest, match="leave that header out"):
            received(
                "multipart/form-data; boundary=edge", a_form(wrong, encoding=b"base64"), step=step
            )


@pytest.mark.parametrize("body", [b"x", b"x" * 70_000, b"--other\r\n\r\n\r\n--other--"])
def test_a_body_without_the_boundary_is_no_form(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="is not multipart/form-data"):
        received("multipart/form-data; boundary=edge", body, step=1_000)
