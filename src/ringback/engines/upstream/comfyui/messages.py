"""What a ComfyUI server says over its WebSocket while it works on one prompt. Pure.

Text messages are JSON with a type and data; binary ones begin with a big-endian kind: a preview's
format or the length of its metadata follows, then the picture. Nothing of it is trusted: what
cannot be read is no news, and no message decides how the prompt ended.
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
_NUMBER_MAX = 1e12  # of steps; nothing counts further


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """So much of the prompt is done, from 0 to 1."""

    fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The picture as it is so far."""

    content: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The prompt is over; the history says how."""


News = Progress | Preview | Ended


class Listener:
    """Makes news of a prompt out of the messages about it."""

    def __init__(self, prompt_id: str, *, nodes: int) -> None:
        self._prompt_id = prompt_id
        self._nodes = max(1, nodes)
        self._done: set[str] = set()
        self._current: str | None = None
        self._share = 0.0  # of the current node

    def take(self, message: str | bytes) -> News | None:
        """Return what a message says of the prompt, or None for nothing new."""
        if isinstance(message, bytes):
            return _preview(message)
        try:
            found = msgspec.json.decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        if not isinstance(found, dict) or not isinstance(found.get("data"), dict):
            return None
        kind, data = found.get("type"), found["data"]
        # An old server leaves the id out of some; the socket is this prompt's alone.
        if data.get("prompt_id", self._prompt_id) != self._prompt_id:
            return None
        return self._news(kind, data)

    def _news(self, kind: Any, data: Mapping[str, Any]) -> News | None:
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
                self._take_state(data["nodes"])
            case str() if kind in _ENDINGS:
                return Ended()
            case _:
                return None
        return Progress(fraction=min(1.0, (len(self._done) + self._share) / self._nodes))

    def _take_state(self, nodes: Mapping[str, Any]) -> None:
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
    """Return a number as it is, and anything else as 0."""
    return float(value) if type(value) in (int, float) and abs(value) < _NUMBER_MAX else 0.0


def _preview(message: bytes) -> Preview | None:
    kind, second = int.from_bytes(message[:4]), int.from_bytes(message[4:8])
    if kind == _PREVIEW:
        content = message[8:]
    elif kind == _PREVIEW_WITH_METADATA:
        content = message[8 + second :]
    else:
        return None
    # The type is found by content: the formats that the server names are only two anyway.
    if content.startswith(_JPEG):
        return Preview(content=content, media_type="image/jpeg")
    if content.startswith(_PNG):
        return Preview(content=content, media_type="image/png")
    return None
