"""Settings from flags, the environment and a file: each error names its source, in our words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringback.errors import SetupError
from ringback.server.lab_script import script_for
from ringback.server.settings_checks import check_addresses
from ringback.settings import ROLES, Settings, read_settings, types


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("RINGBACK_ACTIV_MAX", "RINGBACK_ACTIVE_MAX"),
        ("RINGBACK_WEBHOOK_TIMEOUT", "RINGBACK_WEBHOOK_TIMEOUT_S"),
        ("RINGBACK_CONFG", "RINGBACK_CONFIG"),
        ("RINGBACK_port", "RINGBACK_PORT"),
        ("RINGBACK_LOG_FORMATT", "RINGBACK_LOG_FORMAT"),
        ("RINGBACK_LOGLEVEL", "RINGBACK_LOG_LEVEL"),
    ],
)
def test_a_variable_that_sets_nothing_is_refused_with_its_like(name: str, near: str) -> None:
    with pytest.raises(SetupError, match=rf"{name}.*did you mean.*{near}"):
        read_settings({}, environment={name: "1"})


@pytest.mark.parametrize("name", ["RINGBACK_FROBNICATE", "RINGBACK_POSTGRES_PASSWORD"])
def test_a_variable_like_no_setting_is_refused_by_its_name_and_never_its_value(name: str) -> None:
    with pytest.raises(SetupError, match=f"{name} sets nothing in Ringback; unset it") as raised:
        read_settings({}, environment={name: "hunter2"})
    assert "hunter2" not in str(raised.value)


_ADDRESS = "tcp://10.0.0.5:5432"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("RINGBACK_API_KEY", "x"),
        ("RINGBACK_BASE_URL", "x"),
        ("RINGBACK_URL", "http://127.0.0.1:7464"),
        ("RINGBACK_TOKEN", "x"),
        ("RINGBACK_WEBHOOK_SECRET", "x"),
        ("RINGBACK_MASTER_KEY", "x"),
        ("RINGBACK_CONTRACT_DIR", "x"),
        ("RINGBACK_TEST_POSTGRES", "x"),
        ("RINGBACK_LOGS", "x"),
        ("RINGBACK_LOG_FILE", "x"),
        ("RINGBACKUP_TARGET", "x"),
        ("PATH", "x"),
        # Kubernetes, beside services called ringback, ringback-postgres, ringback-probe, …
        ("RINGBACK_SERVICE_HOST", "10.0.0.5"),
        ("RINGBACK_SERVICE_PORT", "7464"),
        ("RINGBACK_SERVICE_PORT_HTTP_API", "7464"),
        ("RINGBACK_PORT", _ADDRESS),
        ("RINGBACK_PROBE_PORT", _ADDRESS),
        ("RINGBACK_PORT_7464_TCP", _ADDRESS),
        ("RINGBACK_PORT_7464_TCP_ADDR", "10.0.0.5"),
        ("RINGBACK_POSTGRES_SERVICE_HOST", "10.0.0.5"),
        ("RINGBACK_API_SERVICE_PORT", "80"),
        ("RINGBACK_API_SERVICE_PORT_HTTP", "80"),
        ("RINGBACK_DATABASE_SERVICE_HOST", "fd00::5"),
        ("RINGBACK_POSTGRES_PORT", _ADDRESS),
        ("RINGBACK_POSTGRES_PORT_5432_TCP_PROTO", "tcp"),
        ("RINGBACK_DNS_PORT_53_UDP", "udp://10.0.0.5:53"),
        ("RINGBACK_SIP_PORT_5060_SCTP_PORT", "5060"),
        # Docker's links
        ("RINGBACK_DB_NAME", "/web/ringback_db"),
        ("RINGBACK_DB_ENV_POSTGRES_PASSWORD", "x"),
    ],
)
def test_variables_of_others_are_let_be(name: str, text: str) -> None:
    assert read_settings({}, environment={name: text}) == read_settings({}, environment={})


@pytest.mark.parametrize("text", ["", " ", "\r"])
def test_a_variable_set_to_nothing_is_not_set(text: str) -> None:
    read_settings({}, environment={"RINGBACK_FROBNICATE": text, "RINGBACK_PORT": text})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("allowed_hosts", " a.example, b.example ", ("a.example", "b.example")),
        ("allowed_hosts", "a.example,\tb.example,\n", ("a.example", "b.example")),
        ("roles", "api, worker ,dispatcher", ROLES),
        ("webhook_schedule_s", "0, 5, 30", (0, 5, 30)),
        ("worker_models", "bfl/flux-1-dev, ringback/null", ("bfl/flux-1-dev", "ringback/null")),
        ("worker_engines", "sketch , null", ("sketch", "null")),
        ("dns_servers", "10.0.0.1, [::1]:53", ("10.0.0.1", "[::1]:53")),
        ("port", " 8000\t", 8000),
        ("log_level", "debug ", "debug"),
        ("dashboard", " false", False),
    ],
)
def test_blanks_around_values_and_items_mean_nothing(
    name: str, text: str, value: Any, tmp_path: Path
) -> None:
    read = read_settings({}, environment={f"RINGBACK_{name.upper()}": text})
    assert getattr(read, name) == value
    file = tmp_path / "ringback.toml"
    file.write_text(f'{name} = """{text}"""', "utf-8")
    assert getattr(read_settings({}, environment={}, config=file), name) == value
    if isinstance(value, tuple):
        file.write_text(f"{name} = {[f' {item} ' for item in map(str, value)]}", "utf-8")
        assert getattr(read_settings({}, environment={}, config=file), name) == value


_TAKES_ANY_TEXT = frozenset(
    {
        "host", "data", "models", "enhance_weights", "lab", "artifacts_url", "artifacts_endpoint",
        "artifacts_region", "operator_workspace", "operator_webhook_url", "operator_webhook_secret",
        "egress_proxy", "allowed_hosts", "cors_origins", "worker_engines", "worker_models",
        "dns_servers", "ca_file", "trusted_proxies", "webhook_networks", "webhook_hosts",
        "input_networks",
    }
)  # fmt: skip


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_a_wrong_value_is_named_by_its_source_and_told_in_plain_words(
    name: str, tmp_path: Path
) -> None:
    """Lists and addresses whose items are any text are judged at the start, by their users."""
    file = tmp_path / "ringback.toml"
    file.write_text(f"{name} = {{ x = 2026-01-01 }}", "utf-8")
    sources: list[tuple[str, dict[str, Any]]] = []
    if name not in ("engines", "lab"):
        sources.append((f"{name} in {file}", {"environment": {}, "config": file}))
    if name not in _TAKES_ANY_TEXT:
        variable = f"RINGBACK_{name.upper()}"
        sources.append((variable, {"environment": {variable: "hunter2, nan"}}))
    for source, where in sources:
        with pytest.raises(SetupError) as raised:
            read_settings({}, **where)
        sentence = str(raised.value)
        assert sentence.startswith(f"The setting {source} is wrong: it must be ")
        assert not any(word in sentence for word in ("Expected", "$", "`", "regex", "enum", "\n"))
    if name not in _TAKES_ANY_TEXT:
        flag = f"--{name.replace('_', '-')}"
        with pytest.raises(SetupError, match=f"The setting {flag} is wrong: it must be "):
            read_settings({name: "hunter2, nan"}, environment={})


@pytest.mark.parametrize("name", ["database", "operator_webhook_secret", "egress_proxy"])
def test_a_wrong_secret_is_not_repeated(name: str, tmp_path: Path) -> None:
    file = tmp_path / "ringback.toml"
    file.write_text(f'{name} = ["hunter2"]', "utf-8")
    with pytest.raises(SetupError) as raised:
        read_settings({}, environment={}, config=file)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("port = 70000", "it must be a whole number from 0 to 65535, and it is 70000."),
        ('port = "80"\nprot = 1', "prot in .* is no setting of Ringback; did you mean port?"),
        ('log_level = "LOUD"', "it must be debug or info or warning, and it is 'LOUD'."),
        ("webhook_rate = nan", "it must be a number from 0, and it is nan."),
        ("lease_s = 0.5", "it must be a number of seconds from 1 to 3600, and it is 0.5."),
        ('public_url = "gen.example"', "it must be an http or https URL of a host"),
        ('roles = ["api", "cook"]', "it must be a list .* each api or dispatcher or worker, and"),
        ("lab = 5", "it must be a text, or a table in a config file"),
        ('data = "a\\u0000b"', "it must be a path."),
        ("port = ", "is not TOML"),
    ],
)
def test_an_error_in_the_file_says_what_it_must_be(
    text: str, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "ringback.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(SetupError, match=sentence.replace("?", r"\?")):
        read_settings({}, environment={}, config=file)


def test_a_path_in_the_config_file_is_relative_to_the_files_folder(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    file = folder / "ringback.toml"
    file.write_text(
        """
        data = "data"
        models = "/abs/models"
        enhance_weights = "../weights.pth"
        lab = "faults.toml"
        [engines.far]
        type = "fal"
        api_key_file = "key"
        [engines.comfy]
        type = "comfyui"
        [engines.comfy.workflows."bfl/flux-1-dev"]
        file = "flux.json"
        inputs = { file = "1.file" }
        """,
        "utf-8",
    )
    read = read_settings({}, environment={"RINGBACK_CONFIG": str(file)})
    assert read.data == folder / "data"
    assert read.models == Path("/abs/models")
    assert read.enhance_weights == folder / "../weights.pth"
    assert read.lab == str(folder / "faults.toml")
    assert read.upstreams["far"]["api_key_file"] == str(folder / "key")
    workflow = read.upstreams["comfy"]["workflows"]["bfl/flux-1-dev"]
    assert workflow == {"file": str(folder / "flux.json"), "inputs": {"file": "1.file"}}


@pytest.mark.parametrize("source", ["flag", "environment"])
def test_any_other_path_is_relative_to_the_working_directory(source: str) -> None:
    flags = {"data": Path("data")} if source == "flag" else {}
    environment = {"RINGBACK_DATA": "data", "RINGBACK_LAB": "faults.toml"}
    read = read_settings(flags, environment=environment)
    assert (read.data, read.lab) == (Path("data"), "faults.toml")


def test_the_lab_is_a_table_with_paths_from_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/fox.png").write_bytes(b"png")
    file = tmp_path / "conf/ringback.toml"
    file.write_text(
        """
        [lab]
        seed = 7
        [[lab.rule]]
        job = 1
        faults = "job=fail"
        [[lab.answers]]
        model = "bfl/*"
        files = ["fox.png"]
        [[lab.answers]]
        name = "blocked"
        error = "Flagged."
        """,
        "utf-8",
    )
    settings = read_settings({}, environment={}, config=file)
    check_addresses(settings)
    script = script_for(settings)
    assert script is not None
    assert (script.seed, len(script.rule), len(script.answers)) == (7, 1, 2)
    assert script.answers[0].files == (tmp_path / "conf/fox.png",)
    # The text of the command line or the environment goes before it.
    other = read_settings({}, environment={"RINGBACK_LAB": "slow=3s"}, config=file)
    assert other.lab == "slow=3s"


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("[lab]", "no .*rule"),
        ("[lab]\nsed = 1", "sed is no field; the nearest is seed"),
        ('[[lab.rule]]\nfaults = "jub=fail"', "jub"),
        ('[[lab.answers]]\nfiles = ["none.png"]', "none.png is not there"),
        ('[[lab.answers]]\nfiles = ["a\\u0000b"]', "NUL"),
        ("[[lab.answers]]\nfiles = [1]", "files"),
        ('[lab]\nanswers = "fox.png"', "answers"),
        ('[lab]\nanswers = ["fox.png"]', "answers"),
        ('[[lab.answers]]\nname = "a"', "files or an error"),
        ("[lab]\nseed = 2026-01-01", "seed"),
    ],
)
def test_a_wrong_table_of_the_lab_is_refused_in_one_sentence(
    table: str, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "ringback.toml"
    file.write_text(table, "utf-8")
    settings = read_settings({}, environment={}, config=file)
    with pytest.raises(SetupError, match=f"The setting lab is wrong: .*{sentence}") as raised:
        check_addresses(settings)
    assert "\n" not in str(raised.value)


def test_faults_that_are_no_file_are_not_a_path(tmp_path: Path) -> None:
    file = tmp_path / "ringback.toml"
    file.write_text('lab = "slow=3s"', "utf-8")
    assert read_settings({}, environment={}, config=file).lab == "slow=3s"


def test_each_setting_has_a_type_that_the_rules_can_tell() -> None:
    assert tuple(types()) == Settings.__struct_fields__


def _in_a_file(name: str, text: str, folder: Path) -> Any:
    file = folder / "ringback.toml"
    file.write_text(f'{name} = """{text}"""', "utf-8")
    return getattr(read_settings({}, environment={}, config=file), name)


@pytest.mark.parametrize("around", ["{}", '"{}"', "'{}'", "{}\r", ' "{}"\r\n', "\ufeff{}", "\t{} "])
@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("host", "::1", "::1"),
        ("port", "8000", 8000),
        ("dashboard", "false", False),
        ("data", "/srv/ring back", Path("/srv/ring back")),
        ("public_url", "https://jobs.example", "https://jobs.example"),
        ("allowed_hosts", "a.example,b.example", ("a.example", "b.example")),
        ("lab", "slow=3s", "slow=3s"),
        ("database", "postgres://u:p@h/n", "postgres://u:p@h/n"),
    ],
)
def test_the_quotes_and_line_ends_of_a_file_of_variables_are_none_of_a_value(
    around: str, name: str, text: str, value: Any
) -> None:
    """``docker run --env-file`` keeps them."""
    environment = {f"RINGBACK_{name.upper()}": around.format(text)}
    assert getattr(read_settings({}, environment=environment), name) == value


def test_the_variable_of_the_config_file_is_read_as_any_other(tmp_path: Path) -> None:
    file = tmp_path / "ringback.toml"
    file.write_text("port = 8001", "utf-8")
    assert read_settings({}, environment={"RINGBACK_CONFIG": f'"{file}"\r'}).port == 8001
    assert read_settings({}, environment={"RINGBACK_CONFIG": '""'}) == Settings()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        *(("dashboard", word, True) for word in ("true", "True", "YES", "on", "1")),
        *(("dashboard", word, False) for word in ("false", "False", "no", "OFF", "0")),
        ("log_level", "INFO", "info"),
        ("log_format", "JSON", "json"),
        ("schedule", "Quick", "quick"),
        ("artifacts_links", "Presigned", "presigned"),
        ("roles", "API, Worker", ("api", "worker")),
    ],
)
def test_a_word_is_taken_in_any_case_and_yes_and_no_as_such(
    name: str, text: str, value: Any, tmp_path: Path
) -> None:
    read = read_settings({}, environment={f"RINGBACK_{name.upper()}": text})
    assert getattr(read, name) == value
    assert _in_a_file(name, text, tmp_path) == value


@pytest.mark.parametrize("name", ["data", "models", "ca_file", "enhance_weights"])
def test_a_tilde_is_the_home_directory_from_every_source(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = tmp_path / "x"
    assert getattr(read_settings({name: Path("~/x")}, environment={}), name) == expected
    environment = {f"RINGBACK_{name.upper()}": "~/x"}
    assert getattr(read_settings({}, environment=environment), name) == expected
    assert _in_a_file(name, "~/x", tmp_path) == expected
    nobody = Path("~no-such-user/x")
    assert getattr(read_settings({name: nobody}, environment={}), name) == nobody


@pytest.mark.parametrize(
    ("name", "text", "unit"),
    [
        ("body_bytes_max", "10MB", "bytes"),
        ("disk_reserve_bytes", "1GiB", "bytes"),
        ("grace_s", "5m", "seconds"),
        ("breaker_pause_s_max", "1h", "seconds"),
        ("webhook_schedule_s", "0,5m", "seconds"),
        ("retention_days", "2w", "days"),
    ],
)
def test_a_number_with_a_unit_is_refused_by_the_unit_that_it_is_in(
    name: str, text: str, unit: str
) -> None:
    with pytest.raises(SetupError, match=rf"number of {unit} "):
        read_settings({}, environment={f"RINGBACK_{name.upper()}": text})


@pytest.mark.parametrize(
    "text", ["https://bücher.example", "jobs.example", "https://a.example?x=1"]
)
def test_a_public_url_is_refused_with_a_rule_that_it_breaks(text: str) -> None:
    with pytest.raises(SetupError, match="in plain ASCII"):
        read_settings({}, environment={"RINGBACK_PUBLIC_URL": text})
