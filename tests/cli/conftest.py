from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.inside import Inside
from tests.cli.program import Program


@pytest.fixture
def ringback(tmp_path: Path) -> Iterator[Program]:
    """The program, run in an empty directory by real processes that do not outlive the test."""
    with ExitStack() as stack:
        yield Program(tmp_path, stack)


@pytest.fixture
def inside(capsys: pytest.CaptureFixture[str]) -> Inside:
    """The program within this process."""
    return Inside(capsys)
