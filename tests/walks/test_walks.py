"""No walk enters more files than ``bounds.toml`` has for it; ``python -m walks`` prints them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.walks.walks import WALKS

BOUNDS: dict[str, int] = tomllib.loads(Path(__file__).with_name("bounds.toml").read_text("utf-8"))


def test_every_walk_has_a_bound() -> None:
    assert BOUNDS.keys() == WALKS.keys()


@pytest.mark.parametrize("name", WALKS)
async def test_a_walk_enters_no_more_files_than_committed(name: str) -> None:
    files = await WALKS[name]()
    assert len(files) <= BOUNDS[name], "\n".join(files)
