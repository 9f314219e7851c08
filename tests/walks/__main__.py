"""``python -m walks [NAME…]``: print the files of a walk in the order in which they are entered.

From the folder ``tests``. Without a name it prints every walk.
"""

from __future__ import annotations

import asyncio
import sys

from ringback.log import configure
from tests.walks.walks import WALKS

if __name__ == "__main__":
    configure(level="warning", as_json=False)
    for name in sys.argv[1:] or WALKS:
        files = asyncio.run(WALKS[name]())
        print(f"{name}: {WALKS[name].__doc__} {len(files)} files.", *files, "", sep="\n  ")
