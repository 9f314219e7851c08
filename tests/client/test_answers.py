"""Answers of every shape become documents or errors, and nothing else is raised."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    ModelUnavailableError,
    NotFoundError,
    PaymentRequiredError,
    RateLimitError,
    ServerError,
    ValidationError,
)
from ringback.client.answers import Answer, read, refusal, retry_after_s
from ringback.client.config import configured
from ringback.client.models import JobDocument
from ringback.client.requests import merged, model_path, part, send
from ringback.client.retrying import Retrying
from ringback.client.saving import file_name

NOW_S = 1_790_000_000.0


def an_answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, body, NOW_S)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ValidationError),
        (401, AuthenticationError),
        (402, PaymentRequiredError),
        (403, AuthenticationError),
        (404, NotFoundError),
        (409, ConflictError),
        (410, ModelUnavailableError),
        (418, ApiError),
        (422, ValidationError),
        (429, RateLimitError),
        (500, ServerError),
        (302, ServerError),
    ],
)
def test_every_status_has_its_error(status: int, kind: type[ApiError]) -> None:
    error = refusal(an_answer(status, b'{"error": "No.", "code": "so"}'))
    assert type(error) is kind
    assert (error.status, error.message, error.code) == (status, "No.", "so")


@pytest.mark.parametrize(
    ("document", "sentence", "details"),
    [
        ({"error": "A sentence."}, "A sentence.", []),
        ({"message": "Only this."}, "Only this.", []),
        ({"error": "model_unavailable", "message": "It is gone."}, "It is gone.", []),
        (
            {"detail": [{"loc": ["body", "width"], "msg": "too small"}]},
            "The server answered 422.",
            [("/body/width", "too small")],
        ),
        (
            {"error": "Wrong.", "details": [{"path": "/width", "message": "too small"}, 7]},
            "Wrong.",
            [("/width", "too small")],
        ),
        ({"errors": ["one", "two"]}, "The server answered 422.", [("", "one"), ("", "two")]),
        ({}, "The server answered 422.", []),
    ],
)
def test_every_shape_of_an_error_is_read(
    document: dict[str, Any], sentence: str, details: list[tuple[str, str]]
) -> None:
    error = refusal(an_answer(422, json.dumps(document).encode()))
    assert error.message == sentence
    assert [(detail.path, detail.message) for detail in error.details] == details


def test_a_model_that_is_gone_names_another() -> None:
    body = (
        b'{"error": "model_unavailable", "replacement": "bfl/flux-2", "sunset_date": "2026-01-01"}'
    )
    error = refusal(an_answer(410, body))
    assert (error.replacement, error.sunset_date) == ("bfl/flux-2", "2026-01-01")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
_body = st.binary(max_size=100) | _json.map(lambda value: json.dumps(value).encode())


@given(st.integers(100, 599), _body, st.text(max_size=20))
def test_any_answer_is_decoded_or_raises_a_client_error(
    status: int, body: bytes, retry_after: str
) -> None:
    found: JobDocument | ApiError
    try:
        found = read(an_answer(status, body, retry_after=retry_after), JobDocument)
    except ApiError as exc:
        found = exc
    if isinstance(found, ApiError):
        assert str(found)
        assert (found.status, found.body) == (status, body)
    else:
        assert 200 <= status < 300
        assert isinstance(found.urls, tuple)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("999999999", 86_400.0),
        ("Mon, 21 Sep 2026 13:46:50 GMT", 10.0),
        ("Mon, 21 Sep 2020 13:46:50 GMT", 0.0),
        ("soon", None),
        ("٣", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, now_s=1_789_998_400.0) == seconds  # 13:46:40 on that day


def test_waits_double_within_bounds_and_never_undercut_the_servers() -> None:
    retrying = Retrying(4, Random(1))
    for retries, bound in enumerate((0.5, 1.0, 2.0, 4.0)):
        waits = [retrying.wait_s(retries, status=503) or 0.0 for _ in range(200)]
        assert 0 <= min(waits) <= max(waits) <= bound
        assert max(waits) > bound / 2
    assert retrying.wait_s(4, status=503) is None
    assert retrying.wait_s(0, status=None) is not None
    assert (retrying.wait_s(0, status=429, retry_after=30.0) or 0) >= 30.0
    assert retrying.wait_s(0, status=429, retry_after=4_000.0) is None
    for status in (400, 401, 402, 404, 409, 410, 422, 501, 505):
        assert retrying.wait_s(0, status=status) is None
    # Proxies in front of hosted servers have statuses of their own for one that is away.
    for status in (408, 425, 429, 500, 502, 503, 504, 507, 520, 522, 599):
        assert retrying.wait_s(0, status=status) is not None


@pytest.mark.parametrize(
    ("model", "kind", "path"),
    [
        ("bfl/flux-1-dev", "image", "/generate/image/bfl/flux-1-dev"),
        ("image/bfl/flux-1-dev", "image", "/generate/image/bfl/flux-1-dev"),
        ("/image/krea/krea-2/medium", None, "/generate/image/krea/krea-2/medium"),
        ("video/x/y", None, "/generate/video/x/y"),
        ("/generate/enhance/x/y", "enhance", "/generate/enhance/x/y"),
        ("audio/x/y", None, "/generate/audio/x/y"),
    ],
)
def test_a_model_is_named_with_its_kind_or_without(model: str, kind: str | None, path: str) -> None:
    assert model_path(model, kind) == path


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("bfl/flux-1-dev", None),
        ("video/x/y", "image"),
        ("../jobs", "image"),
        ("a b", "image"),
        ("", "image"),
        ("x?y=1", "image"),
    ],
)
def test_an_invalid_model_id_is_refused_at_once(model: str, kind: str | None) -> None:
    with pytest.raises(ConfigurationError):
        model_path(model, kind)


@given(st.text(min_size=1))
def test_no_id_leaves_its_segment_of_the_path(text: str) -> None:
    if text in (".", ".."):
        return
    try:
        segment = part(text)
    except UnicodeEncodeError:
        return  # half a character is nobody's id
    assert "/" not in segment
    assert "?" not in segment
    assert "#" not in segment


def test_an_input_is_given_once() -> None:
    assert merged({"prompt": "a"}, {"width": 1}) == {"prompt": "a", "width": 1}
    with pytest.raises(ConfigurationError, match="prompt"):
        merged({"prompt": "a"}, {"prompt": "b"})


@given(st.text(), st.text(), st.none() | st.text())
def test_no_name_of_a_file_comes_from_the_server_unchecked(
    job_id: str, path: str, content_type: str | None
) -> None:
    try:
        name = file_name(job_id, 1, f"https://x.example/{path}", content_type)
    except ValueError:
        return  # the URL is none
    assert name not in (".", "..")
    assert "/" not in name
    assert "\\" not in name
    assert name.isascii()
    assert name.isprintable()
    assert len(name) < 120


def test_the_environment_says_where_the_server_is() -> None:
    environment = {"KREA_API_TOKEN": "k", "KREA_BASE_URL": "https://api.krea.example/"}
    assert configured(None, None, environment=environment).base_url == "https://api.krea.example"
    environment["RINGBACK_BASE_URL"] = "http://127.0.0.1:1"
    environment["RINGBACK_API_KEY"] = "r"
    found = configured(None, None, environment=environment)
    assert (found.base_url, found.api_key) == ("http://127.0.0.1:1", "r")
    assert repr(found) == "Config('http://127.0.0.1:1', …)"
    assert configured("a", "http://x:2", environment=environment).api_key == "a"
    assert configured(None, None, environment={}).api_key == "dev"


@pytest.mark.parametrize(
    ("key", "url"),
    [(None, "https://api.example"), ("k\n", None), ("k", "ftp://x"), ("k", "http://"), ("k", "x")],
)
def test_a_client_that_cannot_work_is_not_made(key: str | None, url: str | None) -> None:
    with pytest.raises(ConfigurationError):
        configured(key, url, environment={})


def test_a_text_that_is_no_unicode_is_told_before_a_request_is_sent() -> None:
    with pytest.raises(ConfigurationError, match="not Unicode"):
        send("POST", "/generate/image/bfl/flux-1-dev", {"prompt": "\udcff"})
