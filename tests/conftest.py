from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings
from postgres import Databases, a_server

# What is said of every single attempt would be most of a failing test's output.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))

# A deadline for each example would be a timed test, which a busy machine fails at random.
settings.register_profile("ringback", deadline=None)
settings.load_profile("ringback")


@pytest.fixture
def on_path(tmp_path: Path) -> str:
    """A PATH on which ``ringback`` is a program, as after ``pip install``."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/ringback"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ringback "$@"\n', "utf-8")
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """The session's PostgreSQL server; it starts when a test first asks for it."""
    with a_server() as dsn:
        made = Databases(dsn)
        yield made
        made.close()
