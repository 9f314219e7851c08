"""Processor seconds, which a busy machine tells as a quiet one does."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg

_TICKS = os.sysconf("SC_CLK_TCK")


def process_s(process_id: int, *, ended_children: bool = False) -> float:
    """Return the processor seconds of a process and its threads."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(") ")[2].split()
    return sum(int(ticks) for ticks in fields[11 : 15 if ended_children else 13]) / _TICKS


def server_s(postmaster: int) -> float:
    """Return the processor seconds of a PostgreSQL server's processes, ended ones included."""
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return process_s(postmaster, ended_children=True) + sum(process_s(int(c)) for c in children)


def postmaster_of(admin: psycopg.Connection) -> int:
    """Return the process id of a server on this machine."""
    row = admin.execute("select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)").fetchone()
    assert row is not None
    return int(row[0])
