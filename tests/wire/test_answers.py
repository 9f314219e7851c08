"""Files and reasons are found in the answers of many servers, and nothing breaks the readers."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.wire.answer_files import files_in
from ringback.wire.answer_reasons import reason_in
from ringback.wire.base64_text import decode_data, is_data_url
from tests.answer_shapes import BASE64, DATA_URL, PNG, REASONS, RESULTS, SPELLINGS

documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["https://cdn.example/a.png", BASE64, DATA_URL, "{", '{"url": "/a.png"}']),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["url", "urls", "data", "images", "error", "message", "b64_json", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@pytest.mark.parametrize(("result", "urls"), RESULTS)
def test_the_files_of_a_result_are_found_in_any_shape(result: Any, urls: list[str]) -> None:
    in_urls = result.get("urls") if isinstance(result, dict) else None
    found = files_in(in_urls, is_list_of_urls=True) or files_in(result)
    assert [_as_url(file.url or file.base64) for file in found] == urls


def _as_url(text: str) -> str:
    return f"data:image/png;base64,{text}" if text == BASE64 else text


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_base64_is_read_in_any_spelling(text: str) -> None:
    assert decode_data(text) == PNG


@pytest.mark.parametrize("text", ["", "?", "data:image/png;base64,", "a", "not base64!", "é" * 40])
def test_what_is_no_base64_is_nothing(text: str) -> None:
    assert decode_data(text) is None


def test_a_data_url_without_base64_is_text() -> None:
    assert decode_data("data:image/svg+xml,%3Csvg/%3E") == b"<svg/>"


@pytest.mark.parametrize(("document", "reason"), REASONS)
def test_the_reason_of_a_failure_is_found_in_any_shape(document: Any, reason: str) -> None:
    assert reason_in(document) == reason


def test_the_type_of_a_job_is_no_reason() -> None:
    assert reason_in({"type": "image", "status": "failed"}) == ""


@given(documents)
def test_any_answer_has_files_or_none(document: Any) -> None:
    for file in files_in(document):
        assert file.url.strip() or file.base64
    assert isinstance(reason_in(document), str)


@given(st.text() | st.binary().map(lambda data: f"data:;base64,{data.hex()}"))
def test_any_text_is_bytes_or_nothing(text: str) -> None:
    content = decode_data(text)
    assert content is None or content or is_data_url(text)


@given(st.binary(min_size=1))
def test_the_bytes_of_base64_are_those_of_the_standard_library(data: bytes) -> None:
    text = b64encode(data).decode()
    assert decode_data(text) == b64decode(text) == data


@pytest.mark.parametrize(
    "text",
    [
        "//" + "?" * 200_000 + " x",
        "/a" + ".ab?" * 50_000 + " x",
        "../" * 50_000 + "x",
        "data:" * 40_000,
    ],
    ids=lambda text: text[:8],
)
def test_a_long_text_that_is_nearly_a_url_takes_linear_time(text: str) -> None:
    """Trying each split of such a text took minutes, and a prompt that is repeated can be one."""
    assert files_in({"images": {"a": text}, "output": [text]}) == ()
