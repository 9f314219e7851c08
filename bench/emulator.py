"""``ringback dev``, on a PostgreSQL database too: what both engines of state are measured by.

``ringback serve`` calls no receiver on loopback, and the emulator keeps its data in a directory.
"""

from __future__ import annotations

from ringback.app import serving
from ringback.cli import main

if __name__ == "__main__":
    vars(serving)["check_scale"] = lambda _settings: None
    main()
