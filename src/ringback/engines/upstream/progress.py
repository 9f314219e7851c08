"""Reads a model's progress from the tqdm progress bars in its logs. Pure."""

from __future__ import annotations

import re

_TAIL = 4_000  # characters; the newest bar is near the end
_BAR = re.compile(r"(?:^|[\r\n\s])([0-9]{1,3})%\s*\|[^|\r\n]{0,200}\|\s*([0-9]{1,9})/([0-9]{1,9})")


def fraction_in(logs: str) -> float | None:
    """Return the newest bar's fraction, from 0 to 1, or None where there is no bar."""
    bars = _BAR.findall(logs[-_TAIL:])
    if not bars:
        return None
    percent, done, total = (int(number) for number in bars[-1])
    share = done / total if total else percent / 100
    return min(1.0, share)
