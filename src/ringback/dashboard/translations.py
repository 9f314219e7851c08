"""Message catalogues with every text of the dashboard: one TOML file per language, the same keys.

English is the reference. A text may have ``{names}``, which are filled in; a text with a count has
the forms ``one`` and ``other``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

REFERENCE = "en"
_LOCALE = Path(__file__).with_name("locale")
_PREFERENCE = re.compile(
    r"\s*([A-Za-z]{2,8}|\*)(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*"
)
_OTHER_NAMES = {"in": "id"}  # Indonesian's code before 1989, still sent by some programs


class Translations:
    """The texts of one language."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = texts

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its values filled in; raises ``KeyError`` for an unknown key."""
        text = self._texts[key]
        return text.format_map(values) if values else text

    def counted(self, key: str, count: int, **values: object) -> str:
        """Return the form of a text that fits a count."""
        form = "one" if count == 1 else "other"
        return self(f"{key}.{form}", count=f"{count:,}", **values)

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def known(self, key: str, otherwise: str) -> str:
        """Return a text, or ``otherwise`` for an unknown key."""
        return self._texts.get(key, otherwise)

    @property
    def keys(self) -> frozenset[str]:
        """Return the keys of all texts."""
        return frozenset(self._texts)


def catalogues() -> dict[str, Translations]:
    """Read the translations of every language."""
    return {
        file.stem: Translations(file.stem, dict(_flat(tomllib.loads(file.read_text("utf-8")))))
        for file in sorted(_LOCALE.glob("*.toml"))
    }


def chosen(accept_language: str, known: Mapping[str, Translations]) -> Translations:
    """Return the translations that the browser prefers, or English."""
    best, best_q = REFERENCE, 0.0
    for part in accept_language[:500].split(","):
        match = _PREFERENCE.fullmatch(part)
        if match is None:
            continue
        language = _OTHER_NAMES.get(match[1].lower(), match[1].lower())
        q = float(match[2] or 1)
        if q > best_q and language in known:
            best, best_q = language, q
    return known[best]


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)
