"""Rendering: templates with everything escaped, in the visitor's language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec import Struct

from ringback import __version__
from ringback.dashboard.static import Shelf
from ringback.wire.document import iso_time

_TEMPLATES = Path(__file__).with_name("templates")


class Entry(Struct, frozen=True):
    """One line of the navigation; its text is ``nav.NAME``."""

    name: str
    path: str


class Group(Struct, frozen=True):
    """Lines of the navigation that belong together; its text is ``nav.NAME``."""

    name: str
    entries: tuple[Entry, ...]


class Frame:
    """Makes HTML of templates."""

    def __init__(
        self, shelf: Shelf, navigation: Iterable[Group], *, is_shown: Callable[[str], bool]
    ) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= {
            "navigation": tuple(navigation),
            "static": shelf.path,
            "version": __version__,
            "shows_settings_to": is_shown,
        }
        self._environment.filters |= {
            "iso": iso_time,
            "clock": clock_time,
            "day": lambda ms: iso_time(ms)[:10],
            "duration": duration,
            "outside": outside,
            "size": size,
            "short": short,
            "pretty": pretty,
            "picture": picture_path,
        }

    def render(self, template: str, **values: Any) -> str:
        """Return a template filled in."""
        return self._environment.get_template(template).render(**values)


def clock_time(ms: int) -> str:
    """Return a time as people read it, in UTC; scripts show it in the browser's zone."""
    text = iso_time(ms)
    return f"{text[:10]} {text[11:19]} UTC"


def duration(ms: float | None) -> str:
    """Return a duration in the unit that fits it: 0.4 ms, 38 ms, 4.2 s, 3 min 20 s, 2 h 5 min."""
    if ms is None:
        return "–"
    if ms < 1_000:
        return f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest_s = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest_s} s"
    hours, rest_min = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest_min} min"
    return f"{hours // 24} d {hours % 24} h"


def outside(url: str | None) -> str | None:
    """Return a URL that a page may link to: http and https alone, and nothing else."""
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
    """Return the beginning of a text, on one line."""
    line = " ".join(text[: length * 4].split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def picture_path(url: str, base_url: str) -> str | None:
    """Return the path on this server of an artifact's URL, or None for a URL of elsewhere.

    The page may be looked at under another name than the job was submitted to.
    """
    path = url.removeprefix(base_url)
    is_ours = path != url and path.startswith("/artifacts/") and ".." not in path
    return path if is_ours else None


def _indented(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


pretty = partial(_indented)
