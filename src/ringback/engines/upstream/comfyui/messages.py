"""Reads the messages that ComfyUI sends over its WebSocket about one prompt. Pure.

Text messages are JSON with a type and data. Binary ones begin with a big-endian kind, then the
format of a preview or the length of its metadata, then the image. Messages are not trusted:
unreadable ones are ignored, and none decides how the prompt ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

PREVIEW_BYTES_MAX = 8 << 20
_PREVIEW = 1
_PREVIEW_WITH_METADATA = 4
_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
_ENDINGS = frozenset({"execution_success", "execution_error", "execution_interrupted"})
_NODES_MAX = 10_000
_NUMBER_MAX = 1e12  # of steps; real counts are smaller


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The fraction of the prompt that is done, from 0 to 1."""

    fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The image in its current state."""

    content: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The prompt has ended; the history says how."""


Update = Progress | Preview | Ended


class MessageReader:
    """Turns messages about one prompt into updates."""

    def __init__(self, prompt_id: str, *, nodes: int) -> None:
        self._prompt_id = prompt_id
        self._nodes = max(1, nodes)
        self._done: set[str] = set()
        self._current: str | None = None
        self._share = 0.0  # fraction of the current node

    def read(self, message: str | bytes) -> Update | None:
        """Return the update in a message, or None if it has none."""
        if isinstance(message, bytes):
            return _preview(message)
        try:
            found = msgspec.json.decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        if not isinstance(found, dict) or not isinstance(found.get("data"), dict):
            return None
        kind, data = found.get("type"), found["data"]
        # Old servers omit the id in some messages; the socket serves this prompt only.
        if data.get("prompt_id", self._prompt_id) != self._prompt_id:
            return None
        return self._update(kind, data)

    def _update(self, kind: Any, data: Mapping[str, Any]) -> Update | None:
        match kind:
            case "execution_cached" if isinstance(data.get("nodes"), list):
                self._finish(*data["nodes"])
            case "executing" if data.get("node") is None and "prompt_id" in data:
                return Ended()
            case "executing":
                self._begin(data.get("node"))
            case "executed":
                self._finish(data.get("node"))
            case "progress":
                self._begin(data.get("node", self._current))
                self._share = _share(data)
            case "progress_state" if isinstance(data.get("nodes"), dict):
                self._read_state(data["nodes"])
            case str() if kind in _ENDINGS:
                return Ended()
            case _:
                return None
        return Progress(fraction=min(1.0, (len(self._done) + self._share) / self._nodes))

    def _read_state(self, nodes: Mapping[str, Any]) -> None:
        shares = 0.0
        for name, state in list(nodes.items())[:_NODES_MAX]:
            if not isinstance(state, dict):
                continue
            if state.get("state") == "finished":
                self._finish(name)
            elif state.get("state") == "running":
                shares += _share(state)
        self._share = shares

    def _begin(self, node: Any) -> None:
        if isinstance(node, str) and node != self._current:
            if self._current is not None:
                self._finish(self._current)
            self._current, self._share = node, 0.0

    def _finish(self, *nodes: Any) -> None:
        for node in nodes:
            if isinstance(node, str) and len(self._done) < _NODES_MAX:
                self._done.add(node)
            if node == self._current:
                self._current, self._share = None, 0.0


def _share(data: Mapping[str, Any]) -> float:
    value, most = _number(data.get("value")), _number(data.get("max"))
    return 0.0 if most <= 0 else min(1.0, max(0.0, value / most))


def _number(value: Any) -> float:
    """Return a reasonable number unchanged, and 0 for anything else."""
    return float(value) if type(value) in (int, float) and abs(value) < _NUMBER_MAX else 0.0


def _preview(message: bytes) -> Preview | None:
    kind, second = int.from_bytes(message[:4]), int.from_bytes(message[4:8])
    if kind == _PREVIEW:
        content = message[8:]
    elif kind == _PREVIEW_WITH_METADATA:
        content = message[8 + second :]
    else:
        return None
    # The content decides the type; the server names only these two formats anyway.
    if content.startswith(_JPEG):
        return Preview(content=content, media_type="image/jpeg")
    if content.startswith(_PNG):
        return Preview(content=content, media_type="image/png")
    return None
