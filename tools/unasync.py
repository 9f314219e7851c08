"""Generate ``ringback/client/sync`` from ``ringback/client/aio``.

``make fmt`` runs this; a test fails when the generated files are out of date.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).parents[1] / "src" / "ringback" / "client"
SOURCE, MADE = CLIENT / "aio", CLIENT / "sync"
_HEAD = "# Generated from ../aio/{name} by tools/unasync.py: change that, and run make fmt.\n"
_OF_SOURCE = "The asynchronous client; ``tools/unasync.py`` generates ``sync`` from it."
_OF_MADE = "The synchronous client, generated from ``aio``."
_WORDS = {
    "AsyncGenerator": "Generator",
    "AsyncIterator": "Iterator",
    "aclosing": "closing",
    "AsyncClient": "Client",
    "AsyncSystemClock": "SystemClock",
    "AbstractAsyncContextManager": "AbstractContextManager",
    "asynccontextmanager": "contextmanager",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "aclose": "close",
    "aiter_bytes": "iter_bytes",
    "aiter_lines": "iter_lines",
    "atogether": "together",
    "aio": "sync",
}
_WORD = re.compile(r"\w+")


def made_of(name: str, text: str) -> str:
    """Return the module without async, before formatting."""
    text = re.sub(r"\basync (def|for|with)\b", r"\1", text)
    text = re.sub(r"\bawait ", "", text)
    text = re.sub(r"AsyncGenerator\[(\w+), None\]", r"Generator[\1, None, None]", text)
    text = text.replace(_OF_SOURCE, _OF_MADE)
    text = _WORD.sub(lambda word: _without_async(word[0]), text)
    return _HEAD.format(name=name) + text


def _without_async(word: str) -> str:
    if word in _WORDS:
        return _WORDS[word]
    return word.removeprefix("Async") if re.match(r"Async[A-Z]", word) else word


def written() -> dict[str, str]:
    """Return the text of every generated module by its name."""
    return {
        path.name: _formatted(made_of(path.name, path.read_text("utf-8")))
        for path in sorted(SOURCE.glob("*.py"))
    }


def _formatted(text: str) -> str:
    ruff = [str(Path(sys.executable).with_name("ruff"))]
    name = ["--stdin-filename", str(MADE / "made.py")]
    for step in (["check", "--fix", "--select", "I", "--quiet"], ["format", "--quiet"]):
        text = subprocess.run(
            [*ruff, *step, *name, "-"], input=text, capture_output=True, text=True, check=True
        ).stdout
    return text


def main() -> None:
    """Write the modules, and delete what has no source any more."""
    MADE.mkdir(exist_ok=True)
    modules = written()
    for path in MADE.glob("*.py"):
        if path.name not in modules:
            path.unlink()
    for name, text in modules.items():
        (MADE / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
