"""Rendering of templates: every value is escaped, every text is translated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from msgspec import Struct

from ringback import __version__
from ringback.dashboard.static import StaticFiles
from ringback.files.artifacts.names import FOLDER
from ringback.webhooks.model import Delivery, DeliveryStatus
from ringback.wire.document import iso_time

_TEMPLATES = Path(__file__).with_name("templates")


class Entry(Struct, frozen=True):
    """A link of the navigation; its text is ``nav.NAME``."""

    name: str
    path: str


class Group(Struct, frozen=True):
    """A group of links in the navigation; its text is ``nav.NAME``."""

    name: str
    entries: tuple[Entry, ...]


_ADDRESS = re.compile(
    r"""(\s(?:href|src|action|formaction|poster|data-live|data-mesh|data-playground)=")"""
    r"""(?:(/)|\{\{-?\s*(.+?)\s*-?\}\})"""
)


class _OwnAddresses(Extension):
    """Puts the path of ``public_url`` before each address of this server in a template's tags.

    So a template writes ``href="/ui/jobs"``, or an expression that gives such a path.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Return the template's source with its addresses passed through the filter ``own``."""
        return _ADDRESS.sub(_own_address, source)


def _own_address(found: re.Match[str]) -> str:
    attribute, slash, expression = found.groups()
    return f"{attribute}{{{{ root }}}}/" if slash else f"{attribute}{{{{ ({expression})|own }}}}"


class Renderer:
    """Fills in templates; ``root`` is the path of ``public_url``, before those of this server."""

    def __init__(
        self,
        static_files: StaticFiles,
        navigation: Iterable[Group],
        *,
        shows_settings_to: Callable[[str], bool],
        root: str = "",
    ) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            extensions=[_OwnAddresses],
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= {
            "navigation": tuple(navigation),
            "root": root,
            "static": static_files.path,
            "version": __version__,
            "shows_settings_to": shows_settings_to,
        }
        self._environment.filters |= {
            "own": lambda url: _rooted(root, url),
            "iso": iso_time,
            "clock": clock_time,
            "day": lambda ms: iso_time(ms)[:10],
            "duration": duration,
            "external": external_url,
            "size": size,
            "short": short,
            "played": played,
            "pretty": pretty,
            "picture": picture_path,
            "shown_status": shown_status_of,
        }

    def render(self, template: str, **values: Any) -> str:
        """Return a template filled in."""
        return self._environment.get_template(template).render(**values)


def _rooted(root: str, url: object) -> object:
    """Return a path of this server with the root before it, and anything else as it is."""
    is_path = isinstance(url, str) and url.startswith("/") and not url.startswith("//")
    return f"{root}{url}" if is_path else url


def clock_time(ms: int) -> str:
    """Return a time in UTC for people; scripts convert it to the browser's zone."""
    text = iso_time(ms)
    return f"{text[:10]} {text[11:19]} UTC"


def duration(ms: float | None) -> str:
    """Return a duration in fitting units: 0, 0.4 ms, 38 ms, 4.2 s, 3 min 20 s, 2 h 5 min."""
    if ms is None:
        return "–"
    if ms < 999.5:
        return f"{ms:.3g} ms" if ms < 10 else f"{ms:.0f} ms"
    if ms < 59_950:
        return f"{ms / 1000:.1f} s"
    seconds = round(ms / 1000)
    for many, unit, fewer, part in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= (2 * many if unit == "d" else many):
            rest = seconds % many // fewer
            return f"{seconds // many} {unit}" + (f" {rest} {part}" if rest else "")
    return f"{seconds} s"


def played(seconds: float) -> str:
    """Return the length of a clip or a sound as players show it, like 0:05."""
    minutes, rest_s = divmod(round(seconds), 60)
    return f"{minutes}:{rest_s:02}"


def external_url(url: str | None) -> str | None:
    """Return a URL that a page may link to, or None for any other scheme than http and https."""
    try:
        scheme = urlsplit(url or "").scheme.lower()
    except ValueError:
        return None
    return url if scheme in ("http", "https") else None


def size(count: int) -> str:
    """Return a number of bytes for people."""
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1_000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def short(text: str, length: int = 120) -> str:
    """Return the beginning of a text, on one line; it is empty if nothing of it can be seen."""
    joined = " ".join(text[: length * 4].split())
    if not any(character.isprintable() and character != " " for character in joined):
        return ""
    return joined if len(joined) <= length else f"{joined[: length - 1]}…"


def picture_path(url: str, base_url: str) -> str | None:
    """Return the path on this server of an artifact's URL, or None for another server's URL.

    A path, because the page may be open under another host name than the job's base URL has.
    """
    path = url.removeprefix(base_url)
    is_ours = path != url and path.startswith(FOLDER) and ".." not in path
    return path if is_ours else None


def shown_status_of(delivery: Delivery) -> str:
    """Return the status of a delivery as pages show it."""
    has_failed = delivery.reason is not None and delivery.round_attempts_count > 0
    if delivery.status is DeliveryStatus.WAITING and has_failed:
        return "retrying"
    return delivery.status.value


def pretty(value: object) -> str:
    """Return a value as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
