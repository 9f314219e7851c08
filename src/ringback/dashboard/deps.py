"""What the page is built on, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ringback.api.deps import ApiDeps
from ringback.api.parts import ApiParts
from ringback.inbox import Inbox
from ringback.service.tokens import TokenDesk


class Seals(Protocol):
    """Seals texts for an owner, and opens them."""

    def seal(self, secret: str, *, owner: str) -> str:
        """Return the text so that only this server reads it."""

    def unseal(self, sealed: str, *, owner: str) -> str:
        """Return the text, or raise ``SealBroken``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardDeps:
    """Everything that the pages use; there is no other state."""

    api: ApiDeps
    parts: ApiParts  # those of the API itself
    seals: Seals
    tokens: TokenDesk
    inbox: Inbox | None = None  # the emulator's alone
    origins: Mapping[str, str] = field(default_factory=dict)  # where each setting came from
