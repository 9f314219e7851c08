"""Reads settings from the environment and from a config file, and converts single values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from ringback.errors import SetupError
from ringback.errors.wrong_values import required, rule_of
from ringback.wire.texts import read_text_file, variable_text

PREFIX = "RINGBACK_"
CONFIG = "RINGBACK_CONFIG"
VARIABLES_OF_OTHERS = (
    "RINGBACK_API_KEY",  # clients of a server
    "RINGBACK_BASE_URL",
    "RINGBACK_TOKEN",  # common names for those two, in scripts that set one for many programs
    "RINGBACK_URL",
    "RINGBACK_WEBHOOK_SECRET",  # receivers of webhooks
    "RINGBACK_MASTER_KEY",  # seals the secrets in the database
    "RINGBACK_CONTRACT_DIR",  # this project's own tests
    "RINGBACK_TEST_*",
    "RINGBACK_TRACE",  # the command line
    "RINGBACK_LOG",  # programs that run the server and collect its log
    "RINGBACK_LOGS",
    "RINGBACK_LOG_DIR",
    "RINGBACK_LOG_FILE",
    "RINGBACK_LOG_PATH",
)
"""Variables with our prefix that are no settings; any other unknown one is an error."""
# Kubernetes and Docker's links describe each service NAME to its neighbours by NAME_… variables.
# A service that is called ringback, or ringback-postgres, writes them into our namespace.
_OF_NEIGHBOURS = re.compile(
    r"RINGBACK_(?:.+_)?"
    r"(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?|ENV_.+)"
)
_NEIGHBOURS_PORT = re.compile(r"(?:tcp|udp|sctp)://.*", re.IGNORECASE)
_NEIGHBOURS_NAME = re.compile(r"/[^/\s]+/[^/\s]+")
_UNITS = {"bytes": "bytes", "s": "seconds", "days": "days"}
_SWITCHES = {"yes": True, "on": True, "no": False, "off": False}
_ALIKE = 0.75  # below it, the nearest names have little to do with the one that was written
_SHOWN_MAX = 60
_NEVER_SECRET = (inspect.IntType, inspect.FloatType, inspect.BoolType, inspect.LiteralType)


def in_environment(environment: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Return the texts of those settings that the environment has.

    Variables of others are ignored; ``SetupError`` is raised for any other unknown one of ours.
    """
    known = {f"{PREFIX}{name.upper()}": name for name in names}
    found: dict[str, str] = {}
    for name in environment:
        text = variable_text(environment, name) if name.startswith(PREFIX) else None
        if text is None or _is_of_neighbours(name, text):
            continue
        if name in known:
            found[known[name]] = text
        elif name != CONFIG and not _is_of_others(name):
            raise SetupError(
                f"The environment variable {name} sets nothing in Ringback; "
                f"{_alike(name, (CONFIG, *known)) or 'unset it.'}"
            )
    return found


def config_file(config: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the config file that the command line or else the environment names."""
    if config is None and (text := variable_text(environment, CONFIG)):
        config = Path(text)
    return config and at_home(config)


def at_home(path: Path) -> Path:
    """Return the path with ``~`` replaced; a shell does that, but not after ``=`` or in files."""
    try:
        return path.expanduser()
    except RuntimeError:  # there is no such user
        return path


def in_file(config: Path, types: Mapping[str, inspect.Type]) -> dict[str, Any]:
    """Return the settings in a config file; a path in it is relative to the file's folder.

    Raises ``SetupError`` for a file that cannot be read or has a name that is no setting.
    """
    try:
        found = tomllib.loads(read_text_file(config))
    except (OSError, ValueError) as exc:
        if not isinstance(exc, (tomllib.TOMLDecodeError, UnicodeDecodeError)):
            reason = getattr(exc, "strerror", None) or exc
            raise SetupError(f"The config file {config} cannot be read: {reason}.") from exc
        raise SetupError(f"The config file {config} is not TOML: {exc}.") from exc
    except RecursionError as exc:
        raise SetupError(f"The config file {config} is not TOML: it nests too deeply.") from exc
    for name in found:
        if name not in types:
            hint = _alike(name, types) or "remove it."
            raise SetupError(f"{name} in {config} is no setting of Ringback; {hint}")
    folder = config.parent
    return {name: _from(folder, name, value, types[name]) for name, value in found.items()}


def convert(value: object, kind: inspect.Type, into: Any, *, name: str) -> Any:
    """Return a setting's value in its type; a list may be a text with commas between its items.

    Blanks around a text and its items mean nothing. Raises ``ValueError`` with the rule, in which
    the setting's name tells the unit of a number.
    """
    kind = required(kind)
    if isinstance(kind, inspect.VarTupleType):
        if isinstance(value, str):
            value = [item for item in value.split(",") if item.strip()] or [""]
        if isinstance(value, list | tuple):
            value = [_spelled(item, kind.item_type) for item in value]
    value = _spelled(value, kind)
    try:
        # The environment has texts only: strict=False reads "8000" as a number, "true" as a bool.
        converted = msgspec.convert(value, into, strict=False, dec_hook=_decode)
        if all(map(isfinite, _floats(converted))):
            return converted
    except msgspec.ValidationError:
        pass
    item = kind.item_type if isinstance(kind, inspect.VarTupleType) else kind
    is_shown = isinstance(item, _NEVER_SECRET)
    shown = f", and it is {value!r}" if is_shown and len(repr(value)) <= _SHOWN_MAX else ""
    raise ValueError(f"it must be {_rule(kind, _unit(name))}{shown}") from None


def _spelled(value: object, kind: inspect.Type) -> object:
    """Return a value as msgspec spells it: words of a kind in small letters, yes and no as such."""
    if not isinstance(value, str) or isinstance(kind, inspect.CustomType):
        return value
    text = value.strip()
    if isinstance(kind, inspect.BoolType):
        return _SWITCHES.get(text.lower(), text)
    if isinstance(kind, inspect.LiteralType) and text.lower() in kind.values:
        return text.lower()
    return text


def _is_of_others(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in VARIABLES_OF_OTHERS)


def _is_of_neighbours(name: str, text: str) -> bool:
    if name.endswith("_PORT") and _NEIGHBOURS_PORT.fullmatch(text):
        return True
    if name.endswith("_NAME") and _NEIGHBOURS_NAME.fullmatch(text):
        return True
    return _OF_NEIGHBOURS.fullmatch(name) is not None


def _alike(name: str, names: Collection[str]) -> str | None:
    # Without the prefix, which any two variables of ours have in common.
    bare = {one.upper().removeprefix(PREFIX): one for one in names}
    near = get_close_matches(name.upper().removeprefix(PREFIX), sorted(bare), n=2, cutoff=_ALIKE)
    return f"did you mean {' or '.join(bare[one] for one in near)}?" if near else None


def _from(folder: Path, name: str, value: object, kind: inspect.Type) -> object:
    """Return a value of the config file, with the paths in it relative to its folder."""
    if isinstance(required(kind), inspect.CustomType) and isinstance(value, str):
        return folder / at_home(Path(value))
    if name == "lab" and isinstance(value, str) and value.endswith(".toml"):
        return str(folder / value)
    if name == "lab" and isinstance(value, dict):
        return _lab_from(folder, value)
    if name == "engines" and isinstance(value, dict):
        return {engine: _engine_from(folder, table) for engine, table in value.items()}
    return value


def _lab_from(folder: Path, table: dict[str, Any]) -> dict[str, Any]:
    """Return the table of the lab with the files of its answers; wrong parts stay as they are."""
    answers = table.get("answers")
    if not isinstance(answers, list):
        return table
    return table | {"answers": [_answer_from(folder, answer) for answer in answers]}


def _answer_from(folder: Path, answer: object) -> object:
    if not isinstance(answer, dict) or not isinstance(answer.get("files"), list):
        return answer
    files = [str(folder / one) if isinstance(one, str) else one for one in answer["files"]]
    return answer | {"files": files}


def _engine_from(folder: Path, table: object) -> object:
    if not isinstance(table, dict):
        return table
    found = {
        key: str(folder / value) if key.endswith("_file") and isinstance(value, str) else value
        for key, value in table.items()
    }
    workflows = found.get("workflows")
    if isinstance(workflows, dict):
        found["workflows"] = {
            model: {**one, "file": str(folder / one["file"])}
            if isinstance(one, dict) and isinstance(one.get("file"), str)
            else one
            for model, one in workflows.items()
        }
    return found


def _floats(value: object) -> list[float]:
    values = value if isinstance(value, tuple) else (value,)
    return [one for one in values if isinstance(one, float)]


def _unit(name: str) -> str:
    return next((f" of {_UNITS[part]}" for part in name.split("_") if part in _UNITS), "")


def _rule(kind: inspect.Type, unit: str) -> str:
    """Return the rule for a setting's value, as the end of a sentence."""
    if isinstance(kind, inspect.UnionType):
        return "a text, or a table in a config file"
    if isinstance(kind, inspect.VarTupleType) and not isinstance(kind.item_type, inspect.DictType):
        return f"a list with commas between its items, each {_rule(kind.item_type, unit)}"
    if isinstance(kind, inspect.VarTupleType | inspect.DictType):
        return "made of tables, in a config file"
    return rule_of(kind, unit=unit, text=_rule_of_text)


def _rule_of_text(kind: inspect.StrType) -> str:
    if kind.pattern is None:
        return "a text"
    if "postgres" in kind.pattern:
        return "a URL of a PostgreSQL database, like postgresql://USER:PASSWORD@HOST/NAME"
    return "an http or https URL of a host in plain ASCII, with no user, no query and no fragment"


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str | Path) and "\0" not in str(value):
        return at_home(Path(value))
    raise TypeError(f"{value!r} is not a {kind.__name__}")
