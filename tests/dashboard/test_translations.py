"""The message catalogues: complete, and chosen by the browser."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import ringback.dashboard
from ringback.dashboard.translations import REFERENCE, catalogues, chosen
from ringback.egress.answer import Reason
from ringback.jobs.model import JobStatus
from ringback.webhooks.events import EventType
from ringback.webhooks.model import DeliveryStatus
from ringback.webhooks.store import BulkOperationKind

LANGUAGES = catalogues()
_TEMPLATES = Path(ringback.dashboard.__file__).with_name("templates")
_USED = re.compile(r"""\bt(?:\.counted)?\(\s*["']([a-z_0-9.]+)["']\s*[,)]""")
_COUNTED = re.compile(r"""\bt\.counted\(\s*["']([a-z_0-9.]+)["']""")


def test_every_language_has_the_same_texts() -> None:
    reference = LANGUAGES[REFERENCE].keys
    assert {"en", "id"} <= LANGUAGES.keys()
    assert {name: texts.keys ^ reference for name, texts in LANGUAGES.items()} == dict.fromkeys(
        LANGUAGES, frozenset()
    )


def test_every_language_fills_in_the_same_values() -> None:
    for key in LANGUAGES[REFERENCE].keys:
        assert len({_values(texts(key)) for texts in LANGUAGES.values()}) == 1, key


def _values(text: str) -> frozenset[str]:
    # A text with braces of its own is never filled in.
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)


def test_every_text_that_a_template_uses_exists() -> None:
    english = LANGUAGES[REFERENCE]
    used = 0
    for template in _TEMPLATES.glob("*.html"):
        text = template.read_text("utf-8")
        counted = set(_COUNTED.findall(text))
        for key in _USED.findall(text):
            used += 1
            forms = [f"{key}.one", f"{key}.other"] if key in counted else [key]
            assert all(form in english for form in forms), f"{template.name}: {key}"
    assert used > 150


def test_no_template_has_a_text_of_its_own() -> None:
    for template in _TEMPLATES.glob("*.html"):
        whole = template.read_text("utf-8")
        # The content of these two is inside a tag.
        whole = re.sub(r"\{% block live %\}.*?\{% endblock %\}", "", whole)
        whole = re.sub(r"\{% set common %\}.*?\{% endset %\}", "", whole)
        whole = re.sub(r"<code>ringback [^<]*</code>", "", whole)  # a command, in no language
        markup = re.sub(r"\{[%{#].*?[%}#]\}", "", whole, flags=re.S)
        text = re.sub(r"<[^>]*>", " ", markup)
        words = set(re.findall(r"[A-Za-z]{3,}", text))
        known = {"Ringback", "Ed", "HMAC", "SHA", "curl", "webhook"}
        assert words <= known | {"POST", "JSON", "RINGBACK", "WEBHOOK", "SECRET"}, (
            f"{template.name}: {words - known}"
        )


@pytest.mark.parametrize(
    ("section", "members"),
    [
        ("job_status", JobStatus),
        ("delivery_status", DeliveryStatus),
        ("event", EventType),
        ("reason", Reason),
        ("bulk_operation.kind", BulkOperationKind),
    ],
)
def test_every_member_of_an_enum_has_a_text(section: str, members: type) -> None:
    english = LANGUAGES[REFERENCE]
    assert all(f"{section}.{member}" in english for member in members)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("id", "id"),
        ("id-ID,id;q=0.9,en;q=0.8", "id"),
        ("in", "id"),
        ("en-US,en;q=0.9,id;q=0.8", "en"),
        ("fr-FR,fr;q=0.9,id;q=0.5", "id"),
        ("fr", "en"),
        ("id;q=0,en", "en"),
        ("id;q=nonsense, en;;;, \x00", "en"),
        ("x" * 100_000, "en"),
    ],
)
def test_the_browser_chooses_the_language(accepted: str, language: str) -> None:
    assert chosen(accepted, LANGUAGES).language == language


def test_a_number_goes_with_its_form() -> None:
    english = LANGUAGES["en"]
    assert english.counted("bulk_operation.done", 1) == "1 delivery"
    assert english.counted("bulk_operation.done", 1234) == "1,234 deliveries"
