"""Find words that the glossary replaced, so that none of them returns.

``tools/banned_words.toml`` lists the words in four sections:

- ``everywhere``: parts of names, docstrings, comments, docs, templates and texts of the page;
- ``names``: parts of names alone, because a sentence may need the word as it is;
- ``whole_names``: names that consist of the word alone, underscores apart;
- ``prose``: docstrings, comments, docs, templates and texts of the page alone.

Without arguments the command prints each word's count beside the committed one
(``tools/banned_words_found.toml``) and ends with status 1 when a count rose. With words as
arguments it prints where they stand; ``--write`` commits the counts of today.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORDS = ROOT / "tools" / "banned_words.toml"
FOUND = ROOT / "tools" / "banned_words_found.toml"
_CODE = ("src", "tests", "tools", "bench", "examples")
_PROSE = ("README.md", "CONTRIBUTING.md", "docs/*.md", "src/**/*.html", "src/**/locale/en.toml")
_GENERATED = ROOT / "src" / "ringback" / "client" / "sync"  # made by tools/unasync.py
_SELF = {ROOT / "docs" / "glossary.md"}  # its right column lists the words
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Use:
    """One use of a banned word."""

    word: str
    path: Path
    line: int
    text: str


def find(only: Path | None = None) -> list[Use]:
    """Return every use of a banned word, or those in one file or folder."""
    sections = tomllib.loads(WORDS.read_text("utf-8"))
    ordinary = {
        word: [ROOT / path for path in paths] for word, paths in sections["ordinary"].items()
    }
    return [
        Use(word, path, line, text)
        for path in _files()
        if only is None or path.is_relative_to(only)
        for line, word, text in _uses(path, sections)
        if not any(path.is_relative_to(one) for one in ordinary.get(word, []))
    ]


def counts() -> Counter[str]:
    """Return how often each banned word stands in the code and the docs."""
    return Counter(use.word for use in find())


def _files() -> Iterator[Path]:
    for folder in _CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if _GENERATED not in path.parents:
                yield path
    for pattern in _PROSE:
        yield from (path for path in sorted(ROOT.glob(pattern)) if path not in _SELF)


def _uses(path: Path, sections: dict[str, dict[str, str]]) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the banned word, and the name or the sentence that contains it."""
    text = path.read_text("utf-8")
    everywhere = sections["everywhere"].keys()
    in_prose = everywhere | sections["prose"].keys()
    if path.suffix != ".py":
        for number, line in enumerate(text.splitlines(), start=1):
            yield from ((number, word, line) for word in _words(line) if word in in_prose)
        return
    if not any(word in text.lower() for section in sections.values() for word in section):
        return
    in_names = everywhere | sections["names"].keys()
    tree = ast.parse(text)
    for number, name in _names(tree):
        whole = name.strip("_").lower()
        parts = [part.lower() for part in _PART.findall(name)]
        banned = {part for part in parts if part in in_names}
        if whole in sections["whole_names"]:
            banned.add(whole)
        yield from ((number, word, name) for word in sorted(banned))
    if in_prose.isdisjoint(_words(text)):
        return  # reading the comments takes most of the time
    for number, line in _prose(tree, text):
        yield from ((number, word, line) for word in _words(line) if word in in_prose)


def _names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield every definition and every use of a name."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.keyword(arg=str(name)):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name):
                yield node.lineno, name


def _prose(tree: ast.Module, text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of docstrings and comments."""
    lines = text.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and ast.get_docstring(node) is not None:
                for number in range(first.lineno, (first.end_lineno or first.lineno) + 1):
                    yield number, lines[number - 1]
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def main(arguments: list[str]) -> int:
    """Print the counts, or where the words stand; return 1 when a count rose."""
    if arguments and arguments != ["--write"]:
        for use in find():
            if use.word in arguments:
                path = use.path.relative_to(ROOT)
                print(f"{path}:{use.line}: {use.word}: {use.text.strip()}")
        return 0
    found = counts()
    if arguments:
        lines = [f"{word} = {count}\n" for word, count in sorted(found.items())]
        FOUND.write_text("".join(lines), "utf-8")
    committed = tomllib.loads(FOUND.read_text("utf-8")) if FOUND.exists() else {}
    sections = tomllib.loads(WORDS.read_text("utf-8"))
    risen = []
    for word in sorted(found.keys() | committed.keys()):
        say = next(
            (part[word] for part in sections.values() if isinstance(part.get(word), str)), ""
        )
        before = committed.get(word, 0)
        print(f"{word:14} {found[word]:>6} {before:>6}  {say}")
        if found[word] > before:
            risen.append(word)
    for word in risen:
        print(f'"{word}" stands more often than committed: python tools/banned_words.py {word}')
    return 1 if risen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
