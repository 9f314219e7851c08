"""Fault scripts: which jobs get which faults and prepared answers, by number, model and a seed.

The same script gives the same faults to the same jobs: chance comes from the script's seed, the
job's number and the rule's position, and from nothing that happened before.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from ringback.errors import InvalidFaults, SetupError
from ringback.errors.wrong_values import explain_fault
from ringback.jobs.durations import shown
from ringback.jobs.requested_faults import Faults, PreparedAnswer, parse_faults
from ringback.wire.texts import decode_text

RULES_MAX = 1_000
FILES_MAX = 16  # of one answer
_SCRIPT_BYTES_MAX = 1_048_576

Number = Annotated[int, Meta(ge=1, le=2**31)]
ModelPattern = Annotated[str, Meta(pattern=r"^[a-z0-9*./_-]+$", max_length=200)]


class _Conditions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The jobs that a rule or an answer is for: those that meet every condition there is."""

    model: ModelPattern | None = None  # * stands for anything
    job: Number | None = None
    every: Number | None = None
    probability: Annotated[float, Meta(gt=0, le=1)] | None = None

    def matches(self, *, job_number: int, model: str, rng: Random) -> bool:
        """Say whether a job meets the conditions."""
        return (
            (self.model is None or fnmatchcase(model, self.model))
            and self.job in (None, job_number)
            and (self.every is None or job_number % self.every == 0)
            and (self.probability is None or rng.uniform(0, 1) < self.probability)
        )


class Rule(_Conditions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Faults, and the jobs that get them."""

    faults: str  # in the grammar of the header

    def __post_init__(self) -> None:
        try:
            parse_faults(self.faults)
        except InvalidFaults as exc:
            raise InvalidFaults(f"faults = {shown(self.faults)}: {exc}") from exc


class Answer(_Conditions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A prepared end of jobs: files or an error, after a time.

    An answer with a name is for the jobs whose faults name it, and for no others.
    """

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9_-]{0,63}$")] | None = None
    files: Annotated[tuple[Path, ...], Meta(max_length=FILES_MAX)] = ()
    error: str | None = None
    after: str | None = None  # a duration

    def __post_init__(self) -> None:
        if (self.error is None) != bool(self.files):
            raise InvalidFaults("An answer has files or an error, and not both.")
        try:
            self.faults(self.name or "1")
        except InvalidFaults as exc:
            raise InvalidFaults(f"An answer is wrong: {exc}") from exc

    def faults(self, name: str) -> Faults:
        """Return the faults of a job that gets this answer."""
        after = 0 if self.after is None else parse_faults(f"slow={self.after}").slow_ms
        if self.error is not None:
            return replace(parse_faults(f"error={self.error}"), slow_ms=after)
        return Faults(result=name, slow_ms=after)

    def prepared(self) -> PreparedAnswer:
        """Return the answer for people to read."""
        shown = ("model", "job", "every", "probability")
        values = ((name, getattr(self, name)) for name in shown)
        return PreparedAnswer(
            name=self.name,
            conditions=tuple(f"{name} = {value}" for name, value in values if value is not None),
            files=tuple(path.name for path in self.files),
            error=self.error,
            after=self.after,
        )


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers and rules in order: a job gets the first answer that matches it, or else rule."""

    rule: Annotated[tuple[Rule, ...], Meta(max_length=RULES_MAX)] = ()
    answers: Annotated[tuple[Answer, ...], Meta(max_length=RULES_MAX)] = ()
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0

    def faults_for(self, *, job_number: int, model: str) -> Faults:
        """Return the faults of a workspace's nth job, counted from 1."""
        for position, answer in enumerate(self.answers):
            rng = Random(f"{self.seed}/{job_number}/answer {position}")
            if answer.name is None and answer.matches(job_number=job_number, model=model, rng=rng):
                return answer.faults(str(position + 1))
        for position, rule in enumerate(self.rule):
            # One generator for each decision, so that other jobs and rules change nothing.
            rng = Random(f"{self.seed}/{job_number}/{position}")
            if rule.matches(job_number=job_number, model=model, rng=rng):
                return self.resolved(parse_faults(rule.faults))
        return Faults()

    def resolved(self, faults: Faults) -> Faults:
        """Return the faults with the error and the time of the answer that they name.

        Raises ``InvalidFaults`` when there is no answer of that name.
        """
        name = faults.result
        if name is None or "://" in name:
            return faults
        answer = self.answer(name)
        if answer is None:
            names = sorted(one.name for one in self.answers if one.name is not None)
            hint = f"there are {', '.join(names)}" if names else "the script has none with a name"
            raise InvalidFaults(f"There is no answer {shown(name)}; {hint}.")
        own = answer.faults(name)
        return replace(
            faults,
            result=own.result,
            error=own.error,
            slow_ms=faults.slow_ms or own.slow_ms,
        )

    def answer(self, name: str) -> Answer | None:
        """Return the answer of a name; one without a name has its number, from 1."""
        for number, answer in enumerate(self.answers, 1):
            if name == (answer.name or str(number)):
                return answer
        return None


def parse_script(text: str, *, directory: Path | None = None) -> Script:
    """Return the script in a TOML text, or raise ``InvalidFaults``.

    The paths of its files are relative to the directory, the working directory by default.
    """
    try:
        document = tomllib.loads(text)
    except ValueError as exc:
        raise InvalidFaults(f"The fault script is not TOML: {exc}.") from exc
    except RecursionError as exc:
        raise InvalidFaults("The fault script is nested too deeply.") from exc
    return script_of(document, directory=directory)


def script_of(document: Mapping[str, Any], *, directory: Path | None = None) -> Script:
    """Return the script in a TOML table, or raise ``InvalidFaults``."""
    try:
        script = msgspec.convert(document, Script, dec_hook=lambda kind, value: kind(value))
    except msgspec.ValidationError as exc:
        raise InvalidFaults(f"The fault script is wrong: {explain_fault(exc, Script)}.") from exc
    if not (script.rule or script.answers):
        raise InvalidFaults("The fault script has no [[rule]] and no [[answers]]; write one.")
    found = tuple(_with_files(answer, directory or Path()) for answer in script.answers)
    script = replace(script, answers=found)
    for rule in script.rule:
        script.resolved(parse_faults(rule.faults))
    return script


def _with_files(answer: Answer, directory: Path) -> Answer:
    if any("\0" in str(path) for path in answer.files):
        raise InvalidFaults("The answer's file has a NUL in its name; name one without.")
    files = tuple((directory / path).resolve() for path in answer.files)
    for path in files:
        if not path.is_file():
            raise InvalidFaults(f"The answer's file {path} is not there; name one that is.")
    return replace(answer, files=files)


def load_script(argument: str) -> Script:
    """Return the script that ``--lab`` names: a file that ends in .toml, or faults for every job.

    Raises ``SetupError`` when the file cannot be read and ``InvalidFaults`` when it is wrong.
    """
    if not argument.endswith(".toml"):
        return Script(rule=(Rule(faults=str(parse_faults(argument))),))
    path = Path(argument)
    try:
        return parse_script(_read(path), directory=path.parent)
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
        return decode_text(content)
    except UnicodeDecodeError as exc:
        raise InvalidFaults("The fault script is not UTF-8 text.") from exc
