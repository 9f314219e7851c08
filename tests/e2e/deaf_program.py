"""``ringback`` as it is started with standard error closed."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    os.close(2)
    os.execv(sys.executable, [sys.executable, "-m", "ringback", *sys.argv[1:]])
