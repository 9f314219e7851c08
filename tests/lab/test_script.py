"""Fault scripts: which jobs get which faults, the same every time."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.errors import InvalidFaults, SetupError
from ringback.jobs.requested_faults import Faults
from ringback.lab.script import Script, load_script, parse_script

FLUX = "bfl/flux-1-dev"

SCRIPT = """
seed = 7

[[rule]]
job = 1
faults = "job=fail"

[[rule]]
model = "ringback/*"
every = 3
faults = "deliver=twice; delay=5s"

[[rule]]
probability = 0.5
faults = "signature=bad"
"""


def test_the_first_rule_that_matches_decides() -> None:
    script = parse_script(SCRIPT)
    assert script.faults_for(job_number=1, model="ringback/null") == Faults(job="fail")
    twice = Faults(deliver="twice", delay_ms=5_000)
    assert script.faults_for(job_number=3, model="ringback/null") == twice
    assert script.faults_for(job_number=3, model=FLUX) != twice
    assert script.faults_for(job_number=4, model="ringback/null") != twice


def test_chance_comes_from_the_seed_and_the_jobs_number_alone() -> None:
    script, again = parse_script(SCRIPT), parse_script(SCRIPT)
    numbers = range(2, 402)
    forwards = {n: script.faults_for(job_number=n, model=FLUX) for n in numbers}
    backwards = {n: again.faults_for(job_number=n, model=FLUX) for n in reversed(numbers)}
    assert forwards == backwards
    assert 160 <= sum(faults.signature == "bad" for faults in forwards.values()) <= 240
    other = parse_script(SCRIPT.replace("seed = 7", "seed = 8"))
    assert forwards != {n: other.faults_for(job_number=n, model=FLUX) for n in numbers}


def test_a_job_that_no_rule_matches_has_no_faults() -> None:
    script = parse_script('rule = [{model = "luma/*", faults = "job=fail"}]')
    assert script.faults_for(job_number=1, model=FLUX) == Faults()
    assert Script().faults_for(job_number=1, model=FLUX) == Faults()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rule = [", "is not TOML"),
        ("x = " + "[" * 100_000, "TOML|deeply"),
        ("", "has no [[rule]]"),
        ("rules = []", "rules is no field; the nearest is rule"),
        (
            'rule = [{job = 1, fault = "job=fail"}]',
            "fault is no field of rule[0]; the nearest is faults",
        ),
        ("rule = [{job = 1}]", "rule[0] needs faults"),
        ('rule = [{faults = "job=explode"}]', "job takes fail, cancel or empty"),
        ('rule = [{faults = "job=fail", job = 0}]', "rule[0].job must be a whole number from 1 to"),
        (
            'rule = [{faults = "job=fail", probability = 1.5}]',
            "rule[0].probability must be a number above 0 to 1",
        ),
        ('rule = [{faults = "job=fail", probability = nan}]', "rule[0].probability"),
        ('rule = [{faults = "job=fail", model = "[a"}]', "rule[0].model must be a text"),
        ('rule = [{faults = {deliver = "twice"}}]', "rule[0].faults must be a text"),
        ("seed = -1\nrule = []", "seed"),
        ("seed = " + "9" * 5_000, "TOML"),
        ("seed = " + "9" * 30 + "\nrule = []", "seed"),
    ],
)
def test_a_wrong_script_is_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(InvalidFaults) as caught:
        parse_script(text)
    assert any(part in str(caught.value) for part in says.split("|"))
    assert "\n" not in str(caught.value)


_lines = st.sampled_from(
    ["seed = 1", "[[rule]]", "rule = []", "every = 2", "[rule]", 'faults = "hold=2"', "job = 'a'"]
)


@given(st.one_of(st.text(), st.lists(_lines).map("\n".join)))
def test_any_text_is_a_script_or_one_clear_error(text: str) -> None:
    try:
        script = parse_script(text)
    except InvalidFaults:
        return
    script.faults_for(job_number=2, model=FLUX)


def test_the_option_takes_faults_for_every_job() -> None:
    script = load_script("hold=2; deliver=twice")
    for number in (1, 2):
        assert script.faults_for(job_number=number, model=FLUX) == Faults(hold=2, deliver="twice")


def test_the_option_takes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "script.toml"
    path.write_text(SCRIPT)
    assert load_script(str(path)) == parse_script(SCRIPT)


def test_a_file_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"none\.toml \(No such file"):
        load_script(str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"\xff", "UTF-8"), (b"#" * 1_048_577, "at most"), (b"rule = 1", "script is wrong")],
)
def test_a_wrong_file_is_told_by_its_name(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "script.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidFaults, match=rf"script\.toml: .*{says}"):
        load_script(str(path))
