"""The program of a pool's process: it runs functions one after the other, until its input ends."""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from typing import BinaryIO

LENGTH_BYTES = 8
RETURNED, RAISED = b"+", b"-"


def main(source: BinaryIO, output: BinaryIO) -> None:
    """Read functions with their arguments, and write the bytes that each returns.

    Answers are plain bytes: the server unpickles nothing that a process wrote which read a
    stranger's file.
    """
    while head := source.read(LENGTH_BYTES):
        work, arguments = pickle.loads(source.read(int.from_bytes(head)))
        try:
            kind, content = RETURNED, work(*arguments)
        except Exception:  # noqa: BLE001 - the server raises it
            kind, content = RAISED, traceback.format_exc().encode(errors="replace")
        output.write(kind + len(content).to_bytes(LENGTH_BYTES) + content)
        output.flush()


if __name__ == "__main__":
    own_output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library's output is no answer
    main(sys.stdin.buffer, own_output)
