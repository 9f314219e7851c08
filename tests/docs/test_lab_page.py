"""What docs/lab.md says of the lab is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from ringback.jobs.requested_faults import ITEMS, Faults, parse_faults
from ringback.lab.checks import CHECKS
from ringback.lab.deliveries import STALE_S
from ringback.lab.script import Answer, Rule, Script, parse_script, script_of
from ringback.lab.sender import PATIENCE_S
from tests.docs.pages import blocks, page, rows

PAGE = "docs/lab.md"


def test_every_fault_is_documented_with_its_values() -> None:
    shown = {row[0].strip("`"): row[1] for row in rows(PAGE, heading="Faults for one job")}
    assert list(shown) == list(ITEMS)
    for name, values in shown.items():
        for value in re.findall(r"`([^`]+)`", values):
            assert value in ITEMS[name].takes or name == "again"
        for value in re.findall(r"[\w-]+", ITEMS[name].takes.replace(" or ", " ")):
            if name in ("answer", "job", "stuck", "deliver", "signature", "timestamp", "body"):
                assert f"`{value}`" in values
        if (bounds := re.fullmatch(r"(\d+) to (\d+)", values)) is not None:
            assert ITEMS[name].takes == f"a number from {bounds[1]} to {bounds[2]}"


def test_the_times_that_are_told_are_the_times() -> None:
    assert f"After {PATIENCE_S:.0f} s" in page(PAGE)
    assert f"{STALE_S // 60} minutes ago" in page(PAGE)


def test_the_header_that_is_shown_is_one() -> None:
    (header,) = re.findall(r'X-Ringback-Lab: ([^"]+)" \\', page(PAGE))
    assert parse_faults(header) == Faults(delay_ms=5_000, deliver="twice")


def test_the_script_that_is_shown_does_what_its_comments_say() -> None:
    script = parse_script(blocks(PAGE, "toml")[0])
    assert script.faults_for(job_number=1, model="luma/ray") == Faults(job="fail")
    assert script.faults_for(job_number=3, model="bfl/flux-1-dev") == Faults(deliver="twice")
    spoiled = [
        script.faults_for(job_number=number, model="luma/ray") == Faults(signature="bad")
        for number in range(2, 1_002)
    ]
    assert 150 < sum(spoiled) < 250


def test_every_key_of_a_script_is_documented() -> None:
    shown = {row[0].strip("`") for row in rows(PAGE, heading="Fault scripts")}
    tables = {"rule", "answers"}
    assert shown == {*Rule.__struct_fields__, *Script.__struct_fields__} - tables
    named = [row[0] for row in rows(PAGE, heading="Prepared answers")]
    assert set(re.findall("`([a-z]+)`", " ".join(named))) == set(Answer.__struct_fields__)


def test_a_table_of_the_settings_and_prepared_answers_are_shown_as_they_are_read(
    tmp_path: Path,
) -> None:
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures/fox.png").write_bytes(b"png")
    _, table, answers = (tomllib.loads(text) for text in blocks(PAGE, "toml"))
    assert script_of(table["lab"], directory=tmp_path).seed == 7
    script = script_of(answers, directory=tmp_path)
    fifth = script.faults_for(job_number=5, model="ringback/null")
    assert fifth == Faults(error="Content flagged as unsafe.")
    assert script.faults_for(job_number=5, model="bfl/x") == Faults(result="1", slow_ms=2_000)


def test_the_report_that_is_shown_has_every_check_and_its_reason() -> None:
    report = next(block for block in blocks(PAGE, "text") if "takes-webhooks" in block)
    assert re.findall(r"^\w{4}  ([\w-]+) ", report, re.MULTILINE) == [c.name for c in CHECKS]
    for check in CHECKS:
        assert f"  {check.why}\n" in report
