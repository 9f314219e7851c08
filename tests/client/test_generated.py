"""The client that blocks is made of the one that does not, and of nothing else."""

from __future__ import annotations

import importlib.util
from typing import Any

from tests.docs.pages import ROOT


def test_the_generated_client_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("unasync", ROOT / "tools" / "unasync.py")
    assert spec is not None
    assert spec.loader is not None
    unasync: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(unasync)
    there = {path.name: path.read_text("utf-8") for path in unasync.MADE.glob("*.py")}
    assert there == unasync.written(), "run make fmt"
