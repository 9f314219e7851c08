"""Reads ComfyUI's documents: its queue, its history, and its validation errors. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ringback.engines.upstream.provider import File, ProviderStatus

_ERRORS_SHOWN_MAX = 5
_SHOWN_CHARACTERS_MAX = 200
_FOLDERS = ("output", "temp")  # "input" holds uploads, which are no results


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A prompt in the queue."""

    prompt_id: str
    is_running: bool


def queued(document: Any, *, client_id: str, prompt_id: str | None = None) -> Queued | None:
    """Return the prompt with that id or client id, if it is in the queue."""
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
    """Return the id of a queue entry (number, id, nodes, extra data, …) if it matches."""
    if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[1], str):
        return None
    extra = entry[3] if len(entry) > 3 and isinstance(entry[3], dict) else {}
    is_ours = entry[1] == prompt_id or extra.get("client_id") == client_id
    return entry[1] if is_ours else None


def in_history(document: Any, *, client_id: str) -> str | None:
    """Return the id of the newest prompt of that client id in the history."""
    if not isinstance(document, dict):
        return None
    for prompt_id, entry in reversed(document.items()):
        prompt = entry.get("prompt") if isinstance(entry, dict) else None
        if _entry(prompt, client_id, None) == prompt_id:
            return str(prompt_id)
    return None


def status_of(
    document: Any, *, prompt_id: str, outputs: Sequence[str], file_at: Callable[[str], File]
) -> ProviderStatus | None:
    """Return how a prompt has ended by its history, or None while it has not.

    ``file_at`` returns the file at a path and query of the server.
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
        return ProviderStatus(status="failed", error="the workflow saved no file")
    paths = (f"/view?{urlencode(file)}" for file in files)
    return ProviderStatus(status="completed", files=tuple(map(file_at, paths)))


def _failed(messages: Any) -> ProviderStatus:
    for message in reversed(messages) if isinstance(messages, list) else ():
        if not (isinstance(message, list) and len(message) == 2 and isinstance(message[1], dict)):
            continue
        kind, data = message
        if kind == "execution_interrupted":
            return ProviderStatus(status="cancelled")
        if kind == "execution_error":
            return ProviderStatus(status="failed", error=_broken_node(data))
    return ProviderStatus(status="failed")


def _broken_node(data: dict[str, Any]) -> str:
    node = " ".join(_text(data.get(name)) for name in ("node_type", "node_id")).strip()
    words = _text(data.get("exception_message")) or _text(data.get("exception_type"))
    return f"{node or 'a node'}: {words}" if words else f"{node or 'a node'} failed"


def refusal_of(document: Any) -> str:
    """Return why a workflow was refused: the wrong inputs of each node, or the general error."""
    if not isinstance(document, dict):
        return ""
    errors = list(_node_errors(document.get("node_errors")))[:_ERRORS_SHOWN_MAX]
    if errors:
        return "; ".join(errors)
    error = document.get("error")
    if isinstance(error, dict):
        message, details = (_text(error.get(name)).rstrip(". ") for name in ("message", "details"))
        return ": ".join(filter(None, (message, details)))
    return _text(error)


def left_out(document: Any) -> frozenset[str]:
    """Return the output nodes that an accepted workflow will not run, for their wrong inputs."""
    errors = document.get("node_errors") if isinstance(document, dict) else None
    found: set[str] = set()
    for node_id, entry in errors.items() if isinstance(errors, dict) else ():
        found.add(node_id)
        dependent = entry.get("dependent_outputs") if isinstance(entry, dict) else None
        found.update(
            name for name in (dependent if isinstance(dependent, list) else ()) if _text(name)
        )
    return frozenset(found)


def _node_errors(node_errors: Any) -> Iterator[str]:
    for node_id, entry in node_errors.items() if isinstance(node_errors, dict) else ():
        errors = entry.get("errors") if isinstance(entry, dict) else None
        for error in errors if isinstance(errors, list) else ():
            if isinstance(error, dict):
                node = f"{_text(entry.get('class_type'))} {node_id}".strip()
                reason = (_text(error.get(name)).rstrip(". ") for name in ("message", "details"))
                yield f"{node}: {', '.join(filter(None, reason))}"


def uploaded(document: Any) -> str | None:
    """Return the name by which a node refers to an uploaded file."""
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        return None
    folder = document.get("subfolder")
    name: str = document["name"]
    return f"{folder}/{name}" if isinstance(folder, str) and folder else name


def _files(nodes: Any, outputs: Sequence[str]) -> tuple[dict[str, str], ...]:
    """Return the files saved by the output nodes; temporary previews only if nothing was saved."""
    if not isinstance(nodes, dict):
        return ()
    counted = outputs or list(nodes)
    found = [file for node in counted for file in _saved(nodes.get(node))]
    for folder in _FOLDERS:
        if kept := [file for file in found if file["type"] == folder]:
            return tuple(kept)
    return ()


def _saved(output: Any) -> Iterator[dict[str, str]]:
    """Yield the files in a node's output, under any key: images, gifs, audio, video."""
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
