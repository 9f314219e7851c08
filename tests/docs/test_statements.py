"""The numbers that the pages state are those of the code, and nothing is said to be missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ringback.catalogue.catalogue import Catalogue
from ringback.receiver.adapters.bounds import BODY_BYTES_MAX
from ringback.service.assets import FILE_BYTES_MAX
from ringback.settings import Settings
from ringback.webhooks.schedule import JITTER, QUICK_SCHEDULE_S, SCHEDULE_S
from ringback.wire.signature import TOLERANCE_S
from tests.docs.pages import PAGES, page

_DEFAULTS = Settings()
_NUMBERS = {"five": 5, "eight": 8, "ten": 10}
_UNITS_S = {"s": 1.0, "min": 60.0, "h": 3600.0}
_OWN = [model for model in Catalogue.load() if model.provider != "ringback"]


def number(text: str) -> float:
    return float(_NUMBERS.get(text, text))


@pytest.mark.parametrize(
    ("where", "pattern", "value"),
    [
        ("README.md", r"2xx answer within (\S+) seconds", _DEFAULTS.webhook_timeout_s),
        ("README.md", r"each ±(\S+) %", JITTER * 100),
        ("README.md", r"for up to (\S+) seconds", _DEFAULTS.grace_s),
        ("docs/webhooks.md", r"a whole 2xx answer within (\S+) s", _DEFAULTS.webhook_timeout_s),
        ("docs/webhooks.md", r"spread by ±(\S+) %", JITTER * 100),
        ("docs/webhooks.md", r"After (\S+) failures in a row", _DEFAULTS.breaker_failures_max),
        ("docs/webhooks.md", r"nothing is sent for (\S+) seconds", _DEFAULTS.breaker_pause_s),
        ("docs/webhooks.md", r"up to (\S+) minutes", _DEFAULTS.breaker_pause_s_max / 60),
        (
            "docs/webhooks.md",
            r"At most (\S+) attempts to it",
            _DEFAULTS.webhook_concurrency_per_destination,
        ),
        ("docs/webhooks.md", r"keeps at most (\S+) \(`endpoints_max`\)", _DEFAULTS.endpoints_max),
        (
            "docs/webhooks.md",
            r"Attempts are kept for (\S+) days",
            _DEFAULTS.retention_attempts_days,
        ),
        ("docs/webhooks.md", r"their deliveries for (\S+),", _DEFAULTS.retention_days),
        ("docs/receiver.md", r"more than `tolerance` seconds \((\d+)\)", TOLERANCE_S),
        ("docs/receiver.md", r"body of more than (\S+) MiB", BODY_BYTES_MAX / 2**20),
        ("docs/krea-compatibility.md", r"up to (\S+) MB", FILE_BYTES_MAX / 2**20),
        ("docs/krea-compatibility.md", r"(\d+) routes", len(_OWN)),
    ],
)
def test_a_number_is_the_codes(where: str, pattern: str, value: float) -> None:
    found = re.search(pattern, page(where))
    assert found is not None
    assert number(found[1]) == pytest.approx(value)


def test_the_schedules_in_sentences_are_the_codes() -> None:
    found = re.search(r"at once, then after (.*?), each ±", page("README.md"))
    assert found is not None
    waits = re.findall(r"(\d+) (s|min|h)\b", found[1])
    assert (0.0, *(float(n) * _UNITS_S[unit] for n, unit in waits)) == SCHEDULE_S
    found = re.search(r"waits of ([\d, and]+) seconds instead", page("docs/webhooks.md"))
    assert found is not None
    assert (0.0, *map(float, re.findall(r"\d+", found[1]))) == QUICK_SCHEDULE_S


@pytest.mark.parametrize(
    "path", [path for path in PAGES if path.name != "CHANGELOG.md"], ids=lambda path: path.name
)
def test_no_page_says_that_something_is_missing_for_the_time_being(path: Path) -> None:
    # Such a sentence is forgotten when the thing comes.
    found = re.findall(
        r"(?i)\b(?:in this version|not yet there|for now)\b", path.read_text("utf-8")
    )
    assert found == []
