"""The services that the dashboard uses, built by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ringback.api.services import ApiServices
from ringback.api.shared import SharedParts
from ringback.dashboard.inbox import Inbox
from ringback.dashboard.sessions import EndedSessions, Seals
from ringback.service.tokens import TokenService


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardServices:
    """The services and the state of the pages."""

    api: ApiServices
    parts: SharedParts  # those of the API itself
    seals: Seals
    ended: EndedSessions
    tokens: TokenService
    draw_still: Callable[[bytes], bytes]  # of the mesh at a path; run in a process of its own
    inbox: Inbox | None = None  # in the emulator alone
    origins: Mapping[str, str] = field(
        default_factory=dict
    )  # flag, environment, file or default, by setting
