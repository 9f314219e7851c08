"""``ringback`` whose store warns as it is opened, as a library may."""

from __future__ import annotations

import warnings
from typing import Any

from ringback.cli import main
from ringback.cli.local import tokens

_open_store = vars(tokens)["open_store"]


def _open_warning(*given: Any, **named: Any) -> Any:
    warnings.warn("two\nlines", DeprecationWarning, stacklevel=1)
    return _open_store(*given, **named)


if __name__ == "__main__":
    vars(tokens)["open_store"] = _open_warning
    main()
