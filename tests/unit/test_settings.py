from __future__ import annotations

import pytest

from ringback.errors import SetupError
from ringback.settings import read_settings


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("RINGBACK_ACTIV_MAX", "RINGBACK_ACTIVE_MAX"),
        ("RINGBACK_WEBHOOK_TIMEOUT", "RINGBACK_WEBHOOK_TIMEOUT_S"),
        ("RINGBACK_CONFG", "RINGBACK_CONFIG"),
        ("RINGBACK_port", "RINGBACK_PORT"),
    ],
)
def test_a_variable_that_sets_nothing_is_refused_with_its_like(name: str, near: str) -> None:
    with pytest.raises(SetupError, match=rf"{name}.*did you mean.*{near}"):
        read_settings({}, environment={name: "1"})


def test_a_variable_like_no_setting_is_refused_by_its_name_and_never_its_value() -> None:
    with pytest.raises(SetupError, match="RINGBACK_FROBNICATE") as raised:
        read_settings({}, environment={"RINGBACK_FROBNICATE": "hunter2"})
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "name",
    [
        "RINGBACK_API_KEY",
        "RINGBACK_BASE_URL",
        "RINGBACK_WEBHOOK_SECRET",
        "RINGBACK_MASTER_KEY",
        "RINGBACK_CONTRACT_DIR",
        "RINGBACK_TEST_POSTGRES",
        "RINGBACK_LOGS",
        "RINGBACK_SERVICE_HOST",
        "RINGBACK_PORT_7464_TCP_ADDR",
        "RINGBACKUP_TARGET",
        "PATH",
    ],
)
def test_variables_of_others_are_let_be(name: str) -> None:
    assert read_settings({}, environment={name: "x"}) == read_settings({}, environment={})


def test_a_variable_set_to_nothing_is_not_set() -> None:
    read_settings({}, environment={"RINGBACK_FROBNICATE": "", "RINGBACK_PORT": ""})
