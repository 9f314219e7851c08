from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
import structlog

from ringback.log import configure, get_logger


@pytest.fixture
def full() -> Iterator[int]:
    """A file that has no room."""
    before = structlog.get_config()
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)
    structlog.configure(**before)


def test_a_log_that_finds_no_room_stops_nobody(
    full: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = os.dup(2)
    monkeypatch.setattr(sys, "stderr", sys.__stderr__)
    configure(level="info", as_json=True)
    log = get_logger("test")
    os.dup2(full, 2)
    try:
        log.warning("storage_full", waiting_s=1.0)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    log.warning("lease_lost")
    assert "lease_lost" in capfd.readouterr().err
