"""Whatever a provider's document is, it is read or refused, and nothing else is raised."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ringback.engines.upstream.comfyui import answers as comfyui
from ringback.engines.upstream.comfyui.messages import Listener, News, Preview, Progress
from ringback.engines.upstream.fal import request as fal
from ringback.engines.upstream.fal.signature import read_signed
from ringback.engines.upstream.progress import fraction_in
from ringback.engines.upstream.provider import File, Look
from ringback.engines.upstream.replicate import prediction as replicate
from ringback.engines.upstream.results import FILES_MAX, files_in
from ringback.wire.signature import SignatureMismatch

WORDS = [
    *("status", "output", "outputs", "logs", "error", "metrics", "predict_time", "id", "url"),
    *("detail", "loc", "msg", "message", "messages", "request_id", "response_url", "node_errors"),
    *("prompt", "p1", "status_str", "queue_running", "queue_pending", "client_id", "filename"),
    *("type", "data", "node", "nodes", "value", "max", "state", "prompt_id", "errors", "name"),
    *("succeeded", "processing", "failed", "COMPLETED", "IN_PROGRESS", "success", "error"),
    *("progress", "progress_state", "executing", "executed", "execution_cached", "running"),
    *("execution_error", "execution_interrupted", "finished", "images", "subfolder", "output"),
    *("https://cdn.example/a.png", "data:image/png;base64,AA==", "data:;base64,!!", "http://"),
]
texts = st.sampled_from(WORDS) | st.text(max_size=8)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=30,
)


@given(documents)
def test_a_document_is_a_look_or_none(document: Any) -> None:
    looks = (
        replicate.look_at(document),
        fal.look_at(document),
        fal.result_of(document),
        comfyui.look_at(
            document, prompt_id="p1", outputs=(), place=lambda path: File(url=f"https://x{path}")
        ),
    )
    for look in (looks[0], *looks[2:]):
        assert look is None or (look.status == "completed") <= bool(look.files)
    for look in looks:
        assert look is None or isinstance(look, Look)
        if look is not None:
            assert isinstance(look.error, str)
            assert len(look.files) <= FILES_MAX
            assert look.fraction is None or 0 <= look.fraction <= 1


@given(documents)
def test_what_else_is_in_a_document_is_text_or_nothing(document: Any) -> None:
    assert isinstance(fal.wrong_with(document), str)
    assert isinstance(comfyui.refusal_of(document), str)
    assert isinstance(comfyui.uploaded(document), str | None)
    assert isinstance(comfyui.in_history(document, client_id="c"), str | None)
    assert isinstance(replicate.id_of(document), str | None)
    found = comfyui.queued(document, client_id="c", prompt_id="p1")
    assert found is None or isinstance(found.prompt_id, str)
    ticket = fal.ticket_of(document, model="fal-ai/flux", base_url="https://queue.fal.run")
    assert ticket is None or ticket.path.startswith("/")


@given(documents)
def test_files_are_links_or_bytes_and_not_too_many(document: Any) -> None:
    for file in files_in([document] * 100):
        assert (file.url is None) != (file.content is None)
        assert file.url is None or file.url.startswith(("https://", "http://"))


@given(st.lists(st.binary(max_size=40) | documents.map(json.dumps) | texts, max_size=10))
def test_messages_are_news_or_none(messages: list[str | bytes]) -> None:
    listener = Listener("p1", nodes=3)
    for message in messages:
        news: News | None = listener.take(message)
        match news:
            case Progress(fraction=fraction):
                assert 0 <= fraction <= 1
            case Preview(media_type=media_type):
                assert media_type in ("image/jpeg", "image/png")


@given(st.text(max_size=200) | st.from_regex(r"[0-9]{1,3}%\|[^|]*\| [0-9]+/[0-9]+"))
def test_logs_have_a_fraction_or_none(logs: str) -> None:
    fraction = fraction_in(logs)
    assert fraction is None or 0 <= fraction <= 1


@given(
    st.dictionaries(
        st.sampled_from(["request-id", "user-id", "timestamp", "signature"]).map(
            lambda name: f"x-fal-webhook-{name}"
        ),
        st.text(max_size=140) | st.just("1") | st.just("ab" * 64),
    ),
    st.binary(max_size=20),
)
def test_headers_are_signed_or_refused(headers: dict[str, str], body: bytes) -> None:
    try:
        signed = read_signed(headers, body, now_s=1.0)
    except SignatureMismatch:
        return
    assert signed.content.count(b"\n") == 3
