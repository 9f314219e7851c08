"""The README's receivers run as printed, and the lab finds nothing wrong with them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from ringback.ids import new_secret
from tests.docs.pages import PAGES, ROOT, blocks, page
from tests.docs.test_snippets import _LIMIT_S, failures_of, free_port, node

_INSTALLED = re.compile(r"pip install '?ringback|uvx ringback|pipx install|npm install ringback")


def _check(language: str, file: str, program: str, directory: Path) -> None:
    code = next(one for one in blocks("README.md", language) if "8000" in one)
    port = free_port()
    (directory / file).write_text(code.replace("8000", str(port)), "utf-8")
    assert failures_of([program, file], directory, secret=new_secret(), port=port) == []


@pytest.mark.timeout(_LIMIT_S)
def test_the_lab_finds_nothing_wrong_with_the_readmes_receiver_in_python(tmp_path: Path) -> None:
    _check("python", "receiver.py", sys.executable, tmp_path)


@pytest.mark.timeout(_LIMIT_S)
def test_the_lab_finds_nothing_wrong_with_the_readmes_receiver_in_node(tmp_path: Path) -> None:
    _check("javascript", "receiver.mjs", node(), tmp_path)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_installs_a_package_that_is_not_published(path: Path) -> None:
    assert _INSTALLED.findall(path.read_text("utf-8")) == []


def test_the_index_of_the_documentation_names_every_page() -> None:
    index = page("docs/README.md")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in pages if f"]({name})" not in index} == set()


def test_the_readme_makes_the_command_known_before_it_uses_it() -> None:
    text = page("README.md")
    activated = text.index("source .venv/bin/activate")
    commands = [found.start() for found in re.finditer(r"(?m)^ringback ", text)]
    assert commands
    assert activated < min(commands)


def test_receivers_read_their_secret_from_one_variable() -> None:
    for path in PAGES:
        found = set(re.findall(r"\b\w*WEBHOOK_SECRET\b", path.read_text("utf-8")))
        assert found <= {"RINGBACK_WEBHOOK_SECRET", "RINGBACK_OPERATOR_WEBHOOK_SECRET"}, path
