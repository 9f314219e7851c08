"""Data URIs as programs write them, and the errors of those that lost bytes."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.egress.answer import Reason
from ringback.egress.data_uris import (
    MalformedDataUri,
    decode_data_url,
    read_base64,
    read_data_uri,
)
from ringback.errors import FetchError

START = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:,", b""),
        ("data:,A%20brief%20note", b"A brief note"),
        ("data:text/plain;charset=utf-8,%C3%A9", "é".encode()),
        ("data:,é", "é".encode()),
        ("DATA:image/png;base64,iVBORw0KGgo=", START),
        ("data:image/png;base64,iVBORw0KGgo", START),
        ("data:image/png;base64,iVBORw0KGgo%3D", START),
        ("data:image/png;base64,iVBORw0KGgo%3d%3D", START),
        ("data:image/png;base64,iVBO\nRw0K\nGgo=\n", START),
        ("data:image/png;base64,iVBO\r\nRw0K\r\nGgo=\r\n", START),
        ("data:image/png;base64, iVBO Rw0K\tGgo=", START),
        ("data:image/png;base64,iVBO%0ARw0K%0D%0aGgo=", START),
        ("  data:image/png ; base64 ,iVBORw0KGgo=", START),
        ("data:image/png;name=a.png;BASE64,iVBORw0KGgo=", START),
        ("data:;base64,", b""),
        ("data:,a,b", b"a,b"),
        ("data:;base64,-_-_", b"\xfb\xff\xbf"),
        ("data:;base64,+/-_", b"\xfb\xff\xbf"),
        ("data:;base64,%2B%2F%2b%2f", b"\xfb\xff\xbf"),
        ("data:;base64,AAAA=", b"\0\0\0"),
    ],
)
def test_a_data_uri_is_decoded(url: str, data: bytes) -> None:
    assert decode_data_url(url, bytes_max=100) == data


@pytest.mark.parametrize(
    "url",
    [
        *("data:", "data:;base64", "data:;base64,!!!!", "data:;base64,A", "data:;base64,AA==AA=="),
        *("data:;base64,iVBO…", "data:;base64,iVBOR", "data:nonsense", "data:;base64,\ud800"),
        *("data:" + "x" * 2_000 + ",", "data:;base64,AA%", "data:;base64,<svg/>"),
    ],
)
def test_a_data_uri_that_is_not_one_is_refused(url: str) -> None:
    with pytest.raises(MalformedDataUri) as failed:
        decode_data_url(url, bytes_max=5_000)
    assert failed.value.reason == Reason.PROTOCOL
    assert failed.value.words != failed.value.reason


@given(st.binary(max_size=50), st.integers(min_value=0, max_value=50))
def test_a_data_uri_is_checked_by_its_decoded_bytes(data: bytes, bytes_max: int) -> None:
    encoded = base64.b64encode(data).decode()
    for url in (
        f"data:;base64,{encoded}",
        f"data:;base64,{quote(encoded, safe='')}",
        f"data:;base64,{base64.urlsafe_b64encode(data).decode().rstrip('=')}",
        "data:;base64," + "\r\n".join(encoded),
        "data:," + "".join(f"%{byte:02X}" for byte in data),
    ):
        if len(data) <= bytes_max:
            assert decode_data_url(url, bytes_max=bytes_max) == data
        else:
            with pytest.raises(FetchError) as failed:
                decode_data_url(url, bytes_max=bytes_max)
            assert failed.value.reason == Reason.TOO_LARGE


@given(st.binary(max_size=60))
def test_its_text_is_what_the_strictest_reader_takes(data: bytes) -> None:
    sent = " data:image/png ;base64,\n" + base64.urlsafe_b64encode(data).decode().rstrip("=")
    text = read_data_uri(sent.strip(), bytes_max=60).text
    head, _, encoded = text.partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(encoded, validate=True) == data


def test_base64_alone_is_read_by_the_same_rules() -> None:
    for text in ("iVBORw0KGgo", " iVBO\nRw0KGgo=\n", "data:image/png;base64,iVBORw0KGgo"):
        assert read_base64(text, bytes_max=8) == START
    for text in ("!!!!", "é", "data:;base64"):
        with pytest.raises(MalformedDataUri):
            read_base64(text, bytes_max=8)
