"""The documentation as data: pages, their code blocks, tables and links."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def page(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text("utf-8")


def blocks(name: str, language: str) -> list[str]:
    """Return the code blocks of a page in one language."""
    return [code for found, code in _BLOCK.findall(page(name)) if found == language]


def rows(name: str, *, heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its head."""
    section = page(name).split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def links(path: Path) -> list[str]:
    """Return the files that a page links to."""
    return [link for link in _LINK.findall(path.read_text("utf-8")) if "://" not in link]
