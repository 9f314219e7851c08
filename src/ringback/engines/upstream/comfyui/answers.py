"""What ComfyUI's documents say: its queue, its history, and why it refuses a workflow. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ringback.engines.upstream.provider import File, Look

FILES_MAX = 64
_WRONG_MAX = 5
_SHOWN_CHARACTERS_MAX = 200
_FOLDERS = ("output", "temp")  # "input" is what was uploaded, and no result


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A prompt that is in the queue."""

    prompt_id: str
    is_running: bool


def queued(document: Any, *, client_id: str, prompt_id: str | None = None) -> Queued | None:
    """Return the prompt of that id, or of that client, if the queue has it."""
    if not isinstance(document, dict):
        return None
    for name in ("queue_running", "queue_pending"):
        entries = document.get(name)
        for entry in entries if isinstance(entries, list) else ():
            found = _entry(entry, client_id, prompt_id)
            if found is not None:
                return Queued(prompt_id=found, is_running=name == "queue_running")
    return None


def _entry(entry: Any, client_id: str, prompt_id: str | None) -> str | None:
    """Return the id of a queue's entry (number, id, nodes, extra data, …) if it is ours."""
    if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[1], str):
        return None
    extra = entry[3] if len(entry) > 3 and isinstance(entry[3], dict) else {}
    is_ours = entry[1] == prompt_id or extra.get("client_id") == client_id
    return entry[1] if is_ours else None


def in_history(document: Any, *, client_id: str) -> str | None:
    """Return the id of the newest prompt of that client in the history."""
    if not isinstance(document, dict):
        return None
    for prompt_id, entry in reversed(document.items()):
        prompt = entry.get("prompt") if isinstance(entry, dict) else None
        if _entry(prompt, client_id, None) == prompt_id:
            return str(prompt_id)
    return None


def look_at(
    document: Any, *, prompt_id: str, outputs: Sequence[str], place: Callable[[str], File]
) -> Look | None:
    """Return how a prompt has ended by its history, or None while it has not.

    ``place`` makes a file of the path and query that it lies behind.
    """
    entry = document.get(prompt_id) if isinstance(document, dict) else None
    if not isinstance(entry, dict):
        return None
    status = entry.get("status")
    status = status if isinstance(status, dict) else {}
    if status.get("status_str") == "error":
        return _failed(status.get("messages"))
    files = _files(entry.get("outputs"), outputs)
    if not files:
        return Look(status="failed", error="the workflow saved no file")
    paths = (f"/view?{urlencode(file)}" for file in files)
    return Look(status="completed", files=tuple(map(place, paths)))


def _failed(messages: Any) -> Look:
    for message in reversed(messages) if isinstance(messages, list) else ():
        if not (isinstance(message, list) and len(message) == 2 and isinstance(message[1], dict)):
            continue
        kind, data = message
        if kind == "execution_interrupted":
            return Look(status="cancelled")
        if kind == "execution_error":
            return Look(status="failed", error=_broken_node(data))
    return Look(status="failed")


def _broken_node(data: dict[str, Any]) -> str:
    node = " ".join(_text(data.get(name)) for name in ("node_type", "node_id")).strip()
    words = _text(data.get("exception_message")) or _text(data.get("exception_type"))
    return f"{node or 'a node'}: {words}" if words else f"{node or 'a node'} failed"


def refusal_of(document: Any) -> str:
    """Return why a workflow was refused: each wrong input of each node, or the whole of it."""
    if not isinstance(document, dict):
        return ""
    wrong = list(_wrong(document.get("node_errors")))[:_WRONG_MAX]
    if wrong:
        return "; ".join(wrong)
    error = document.get("error")
    if isinstance(error, dict):
        return ": ".join(filter(None, (_text(error.get("message")), _text(error.get("details")))))
    return _text(error)


def _wrong(node_errors: Any) -> Iterator[str]:
    for node_id, entry in node_errors.items() if isinstance(node_errors, dict) else ():
        errors = entry.get("errors") if isinstance(entry, dict) else None
        for error in errors if isinstance(errors, list) else ():
            if isinstance(error, dict):
                node = f"{_text(entry.get('class_type'))} {node_id}".strip()
                said = (_text(error.get("message")), _text(error.get("details")))
                yield f"{node}: {', '.join(filter(None, said))}"


def uploaded(document: Any) -> str | None:
    """Return what a node names an uploaded file by."""
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        return None
    folder = document.get("subfolder")
    name: str = document["name"]
    return f"{folder}/{name}" if isinstance(folder, str) and folder else name


def _files(nodes: Any, outputs: Sequence[str]) -> tuple[dict[str, str], ...]:
    """Return what was saved by the nodes that count; previews only where nothing was saved."""
    if not isinstance(nodes, dict):
        return ()
    counted = outputs or list(nodes)
    found = [file for node in counted for file in _saved(nodes.get(node))]
    for folder in _FOLDERS:
        if kept := [file for file in found if file["type"] == folder]:
            return tuple(kept[:FILES_MAX])
    return ()


def _saved(output: Any) -> Iterator[dict[str, str]]:
    """Yield the files in a node's output, whatever it calls them: images, gifs, audio, video."""
    for entries in output.values() if isinstance(output, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("filename"), str):
                yield {
                    "filename": entry["filename"],
                    "subfolder": _text(entry.get("subfolder")),
                    "type": _text(entry.get("type")) or _FOLDERS[0],
                }


def _text(value: Any) -> str:
    return value[:_SHOWN_CHARACTERS_MAX] if isinstance(value, str) else ""
