"""Measure the structure and the language of the code, and keep it from getting worse.

Run without arguments it prints each figure beside the committed one (``tools/house.toml``) and ends
with status 1 when one is worse. ``--write`` commits the figures of today. It needs the standard
library alone.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "ringback"
FIGURES = ROOT / "tools" / "house.toml"
_GENERATED = PACKAGE / "client" / "sync"  # made by tools/unasync.py
_MODULE_LINES_MAX = 400
_FUNCTION_LINES_MAX = 60
_DOCSTRING_WORDS_MIN = 5
_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")


@dataclass(frozen=True)
class Module:
    """A module of the package, read once."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def lines_count(self) -> int:
        """How many lines the module has."""
        return self.text.count("\n")


def modules() -> list[Module]:
    """Return every module of the package but the generated ones, by name."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if _GENERATED in path.parents:
            continue
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        text = path.read_text("utf-8")
        found.append(Module(name.removesuffix(".__init__"), path, text, ast.parse(text)))
    return found


def root_entries() -> int:
    """Return how many files and folders stand at the package root."""
    return sum(1 for entry in PACKAGE.iterdir() if entry.name != "__pycache__")


def whats_per_1000_words(found: list[Module]) -> float:
    """Return how often docstrings and comments say "what", a gauge of riddles."""
    words = [word.lower() for module in found for text in _prose(module) for word in _words(text)]
    return round(1000 * words.count("what") / len(words), 1)


def short_docstrings(found: list[Module]) -> int:
    """Return how many modules have a docstring of fewer than five words, or none."""
    docstrings = (ast.get_docstring(module.tree) or "" for module in found if module.text.strip())
    return sum(1 for text in docstrings if len(_words(text)) < _DOCSTRING_WORDS_MIN)


def long_modules(found: list[Module]) -> int:
    """Return how many modules have more than 400 lines."""
    return sum(1 for module in found if module.lines_count > _MODULE_LINES_MAX)


def long_functions(found: list[Module]) -> int:
    """Return how many functions have more than 60 lines."""
    functions = (
        node
        for module in found
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return sum(1 for node in functions if _lines_of(node) > _FUNCTION_LINES_MAX)


def import_cycles(found: list[Module]) -> int:
    """Return how many groups of modules import each other in a circle when they are loaded."""
    names = {module.name for module in found}
    imports = {module.name: set(_imported(module, names, nested=False)) for module in found}
    return sum(1 for group in _strongly_connected(imports) if len(group) > 1)


def imports_that_run_up(found: list[Module]) -> int:
    """Return how many imports go from a lower room to a higher one, or between strangers."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layers = next(one["layers"] for one in contracts["contracts"] if one["type"] == "layers")
    height = {
        room.strip(): len(layers) - at
        for at, layer in enumerate(layers)
        for room in layer.split("|")
    }
    names = {module.name for module in found}
    up = 0
    for module in found:
        room = _room(module.name)
        for name in _imported(module, names, nested=True):
            other = _room(name)
            if room != other and room in height and other in height:
                up += height[other] >= height[room]
    return up


def sql_written_twice() -> int:
    """Return how many statements both databases have that differ in nothing or in casts alone."""
    folders = [PACKAGE / "storage" / store / "queries" for store in ("sqlite", "postgres")]
    ours, theirs = (_statements(folder) for folder in folders)
    return sum(1 for name, text in ours.items() if _plain(theirs.get(name, "")) == _plain(text))


def _prose(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def _imported(module: Module, names: set[str], *, nested: bool) -> Iterator[str]:
    """Yield the modules of the package that a module imports; ``nested``: in functions too."""
    nodes = ast.walk(module.tree) if nested else iter(module.tree.body)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom) and node.module in names:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in names else node.module


def _room(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def _strongly_connected(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the groups of nodes that reach each other (Tarjan's algorithm, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups = []
    for start in graph:
        walk = [(start, iter(graph[start]))] if start not in index else []
        if walk:
            index[start] = low[start] = len(index)
            stack.append(start)
        while walk:
            node, ahead = walk[-1]
            following = next((one for one in ahead if one in graph), None)
            if following is None:
                walk.pop()
                if walk:
                    low[walk[-1][0]] = min(low[walk[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    groups.append(set(stack[at:]))
                    del stack[at:]
            elif following not in index:
                index[following] = low[following] = len(index)
                stack.append(following)
                walk.append((following, iter(graph[following])))
            elif following in stack:
                low[node] = min(low[node], index[following])
    return groups


def _statements(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.glob("*.sql")):
        for part in re.split(r"^-- name: ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            name, _, text = part.partition("\n")
            found[f"{path.stem}.{name.strip()}"] = text
    return found


def _plain(sql: str) -> str:
    """Return a statement without comments, casts and the two ways to bind a list."""
    sql = re.sub(r"--.*", "", sql)
    sql = re.sub(r"::[a-z]+(\[\])?", "", sql)
    sql = re.sub(r"=\s*any\s*\((:[a-z_]+)\)", r"in \1", sql)
    sql = re.sub(r"in\s*\(\s*select value from json_each\((:[a-z_]+)\)\s*\)", r"in \1", sql)
    return " ".join(sql.lower().split())


def measure() -> dict[str, float]:
    """Return every figure by its name; a smaller one is better."""
    found = modules()
    return {
        "root_entries": root_entries(),
        "lines": sum(module.lines_count for module in found),
        "whats_per_1000_words": whats_per_1000_words(found),
        "short_module_docstrings": short_docstrings(found),
        "sql_written_twice": sql_written_twice(),
        "modules_over_400_lines": long_modules(found),
        "functions_over_60_lines": long_functions(found),
        "import_cycles": import_cycles(found),
        "imports_that_run_up": imports_that_run_up(found),
    }


def main(arguments: list[str]) -> int:
    """Print the figures; return 1 when one is worse than the committed one."""
    figures = measure()
    if arguments == ["--write"]:
        lines = [f"{name} = {value}\n" for name, value in figures.items()]
        FIGURES.write_text("".join(lines), "utf-8")
    committed = tomllib.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}
    worse = []
    for name, value in figures.items():
        before = committed.get(name)
        print(f"{name.replace('_', ' '):28} {value:>8} {'' if before is None else before:>8}")
        if before is not None and value > before:
            worse.append(name)
    for name in worse:
        print(f"worse than committed: {name}; mend it, or commit with --write and say why")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
