from __future__ import annotations

from ringback import log

# What is said of every single attempt would be most of a failing test's output.
log.configure(level="warning", as_json=True)
