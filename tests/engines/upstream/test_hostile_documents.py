"""Any document of a provider is read or refused, and no other exception is raised."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ringback.engines.upstream.comfyui import documents as comfyui
from ringback.engines.upstream.comfyui.messages import MessageReader, Preview, Progress, Update
from ringback.engines.upstream.fal import request as fal
from ringback.engines.upstream.fal.signature import read_signed
from ringback.engines.upstream.progress import fraction_in
from ringback.engines.upstream.provider import File, ProviderStatus
from ringback.engines.upstream.replicate import prediction as replicate
from ringback.engines.upstream.results import files_in
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
def test_any_document_gives_a_status_or_none(document: Any) -> None:
    polls = (
        replicate.status_of(document),
        fal.status_of(document),
        fal.result_of(document),
        comfyui.status_of(
            document, prompt_id="p1", outputs=(), file_at=lambda path: File(url=f"https://x{path}")
        ),
    )
    for poll in (polls[0], *polls[2:]):
        assert poll is None or (poll.status == "completed") <= bool(poll.files)
    for poll in polls:
        assert poll is None or isinstance(poll, ProviderStatus)
        if poll is not None:
            assert isinstance(poll.error, str)
            assert len(poll.files) <= 1_000
            assert poll.fraction is None or 0 <= poll.fraction <= 1


@given(documents)
def test_other_fields_of_any_document_give_text_or_nothing(document: Any) -> None:
    assert isinstance(fal.input_errors(document), str)
    assert isinstance(comfyui.refusal_of(document), str)
    assert isinstance(comfyui.uploaded(document), str | None)
    assert isinstance(comfyui.in_history(document, client_id="c"), str | None)
    assert isinstance(replicate.id_of(document), str | None)
    found = comfyui.queued(document, client_id="c", prompt_id="p1")
    assert found is None or isinstance(found.prompt_id, str)
    ticket = fal.ticket_of(document, model="fal-ai/flux", base_url="https://queue.fal.run")
    assert ticket is None or ticket.path.startswith("/")


@given(documents)
def test_any_document_gives_a_limited_number_of_links_or_bytes(document: Any) -> None:
    for is_list_of_urls in (False, True):
        found = files_in([document] * 100, is_list_of_urls=is_list_of_urls)
        for file in found.files:
            assert (file.url is None) != (file.content is None)
            assert file.url is None or file.url.strip()


@given(st.lists(st.binary(max_size=40) | documents.map(json.dumps) | texts, max_size=10))
def test_any_message_gives_an_update_or_none(messages: list[str | bytes]) -> None:
    reader = MessageReader("p1", nodes=3)
    for message in messages:
        update: Update | None = reader.read(message)
        match update:
            case Progress(fraction=fraction):
                assert 0 <= fraction <= 1
            case Preview(media_type=media_type):
                assert media_type in ("image/jpeg", "image/png")


@given(st.text(max_size=200) | st.from_regex(r"[0-9]{1,3}%\|[^|]*\| [0-9]+/[0-9]+"))
def test_any_log_gives_a_fraction_or_none(logs: str) -> None:
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
def test_any_headers_are_parsed_or_refused(headers: dict[str, str], body: bytes) -> None:
    try:
        signed = read_signed(headers, body, now_s=1.0)
    except SignatureMismatch:
        return
    assert signed.content.count(b"\n") == 3
