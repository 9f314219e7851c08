"""Fault scripts: which jobs get which faults, decided by their number, their model and a seed.

The same script gives the same faults to the same jobs: chance comes from the script's seed, the
job's number and the rule's place, and from nothing that happened before.
"""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from ringback.errors import InvalidFaults, SetupError
from ringback.lab.durations import shown
from ringback.lab.faults import Faults, parse_faults

RULES_MAX = 1_000
_SCRIPT_BYTES_MAX = 1_048_576

Number = Annotated[int, Meta(ge=1, le=2**31)]
ModelPattern = Annotated[str, Meta(pattern=r"^[a-z0-9*./_-]+$", max_length=200)]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Faults, and the jobs that get them: those that meet every condition there is."""

    faults: str  # in the grammar of the header
    model: ModelPattern | None = None  # * stands for anything
    job: Number | None = None
    every: Number | None = None
    probability: Annotated[float, Meta(gt=0, le=1)] | None = None

    def __post_init__(self) -> None:
        try:
            parse_faults(self.faults)
        except InvalidFaults as exc:
            raise InvalidFaults(f"faults = {shown(self.faults)}: {exc}") from exc

    def matches(self, *, job_number: int, model: str, rng: Random) -> bool:
        """Say whether a job gets this rule's faults."""
        return (
            (self.model is None or fnmatchcase(model, self.model))
            and self.job in (None, job_number)
            and (self.every is None or job_number % self.every == 0)
            and (self.probability is None or rng.uniform(0, 1) < self.probability)
        )


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules in order: a job gets the faults of the first that matches it."""

    rule: Annotated[tuple[Rule, ...], Meta(max_length=RULES_MAX)] = ()
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0

    def faults_for(self, *, job_number: int, model: str) -> Faults:
        """Return the faults of the server's nth job, counted from 1."""
        for place, rule in enumerate(self.rule):
            # One generator for each decision: what other jobs and rules drew changes nothing.
            rng = Random(f"{self.seed}/{job_number}/{place}")
            if rule.matches(job_number=job_number, model=model, rng=rng):
                return parse_faults(rule.faults)
        return Faults()


def parse_script(text: str) -> Script:
    """Return the script in a TOML text, or raise ``InvalidFaults``."""
    try:
        document = tomllib.loads(text)
    except ValueError as exc:
        raise InvalidFaults(f"The fault script is not TOML: {exc}.") from exc
    except RecursionError as exc:
        raise InvalidFaults("The fault script is nested too deeply.") from exc
    try:
        script = msgspec.convert(document, Script)
    except msgspec.ValidationError as exc:
        raise InvalidFaults(f"The fault script is wrong: {exc}.") from exc
    if not script.rule:
        raise InvalidFaults("The fault script has no [[rule]]; write at least one.")
    return script


def load_script(argument: str) -> Script:
    """Return the script that ``--lab`` names: a file that ends in .toml, or faults for every job.

    Raises ``SetupError`` when the file cannot be read and ``InvalidFaults`` when it is wrong.
    """
    if not argument.endswith(".toml"):
        return Script(rule=(Rule(faults=str(parse_faults(argument))),))
    try:
        return parse_script(_read(Path(argument)))
    except OSError as exc:
        raise SetupError(
            f"Cannot read the fault script {argument} ({exc.strerror}); name another with --lab."
        ) from exc
    except InvalidFaults as exc:
        raise InvalidFaults(f"{argument}: {exc}") from exc


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_SCRIPT_BYTES_MAX + 1)
    if len(content) > _SCRIPT_BYTES_MAX:
        raise InvalidFaults(f"A fault script has at most {_SCRIPT_BYTES_MAX} bytes.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise InvalidFaults("The fault script is not UTF-8 text.") from exc
