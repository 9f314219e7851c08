"""Addresses in the settings: a slip is one sentence, and never shows a password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringback.egress.policy import BlockedTarget, TargetPolicy
from ringback.egress.url import parse_target
from ringback.engines.upstream.config import result_origins_of
from ringback.errors import SetupError
from ringback.server.factories import input_policy_for, policy_for
from ringback.server.settings_checks import check_addresses
from ringback.server.upstream_engines import Upstreams
from ringback.settings import Settings
from ringback.storage.dsn import check_dsn, check_files, shown
from ringback.testing import FakeResolver
from ringback.wakeups import Subscriptions

MALFORMED_DSNS = [
    "postgresql://u:hunter2@[::1/x",
    "postgresql://u:hunter2@::1]/x",
    "postgresql://u:hunter2@[zz]/x",
    "postgresql://u:hunter2@[::1]x/x",
    "postgresql://u:hunter2@[fe80::1%25eth0/x",
    "postgresql://u:hunter2@h:99999/x",
    "postgresql://u:hunter2@h:0/x",
    "postgresql://u:hunter2@h:/x",
    "postgresql://u:hunter2@h:-1/x",
    "postgresql://u:hunter2@h:12x/x",
    "postgresql://u:hunter2@h:\uff11/x",
    "postgresql://u:hunter2@h:5432:5432/x",
    "postgresql://u:hunter2@h x/x",
    "postgresql://u:hunter2 @h/x",
    "postgresql://u:hunter2@h\t/x",
    "postgresql://u:hunter2@h/x\n",
    "postgresql://u:hunter2@%zz/x",
    "postgresql://u:hunter2%@h/x",
    "postgresql://u:hunter2%00@h/x",
    "postgresql://u:hunter2@h\xf6.example/x",
    "postgresql://u:hunter/2@h/x",
    "postgresql://u:hunter?2@h/x",
    "postgresql://u:hunter#2@h/x",
    "postgresql://u:hunter@2@h/x",
    "postgresql://u:hunter:2@h/x",
    "postgresql://u:hunter2@h/x?sslmode",
    "postgresql://u:hunter2@h/x?hunter2",
    "postgresql://u:hunter2@h/x?port=hunter2",
    "postgresql://u:hunter2@h1,[::1/x",
    "postgresql://u:hunter2@h1:1,h2:99999/x",
]


@pytest.mark.parametrize("setting", ["database", "database_direct"])
@pytest.mark.parametrize("dsn", MALFORMED_DSNS, ids=ascii)
def test_a_malformed_database_is_a_sentence_that_names_the_setting(dsn: str, setting: str) -> None:
    with pytest.raises(SetupError) as raised:
        check_dsn(dsn, setting=setting)
    sentence = str(raised.value)
    assert sentence.startswith(f"The setting {setting} is wrong: ")
    assert "write it as postgresql://" in sentence
    assert "hunter" not in sentence
    assert "\n" not in sentence
    assert "hunter" not in shown(dsn)


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslkey", "sslcrl"])
def test_a_file_of_a_database_url_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    dsn = f"postgresql://u:hunter2@db.example/jobs?sslmode=verify-full&{name}={tmp_path}/nope.pem"
    with pytest.raises(SetupError, match=f"nope.pem as {name}, which cannot be read") as raised:
        check_files(dsn, setting="database")
    assert "hunter" not in str(raised.value)
    (tmp_path / "nope.pem").touch()
    check_files(dsn, setting="database")


@pytest.mark.parametrize(
    ("dsn", "where"),
    [
        ("postgresql://u:hunter2@db.example/jobs", "db.example/jobs"),
        ("postgres://u:hunter2@db.example:6432/jobs?sslmode=require", "db.example/jobs"),
        ("postgresql://u:hunter2@[2001:db8::1]:5432/jobs", "2001:db8::1/jobs"),
        ("postgresql://u:hunter2@h1:1,h2:2/jobs", "h1,h2/jobs"),
        ("postgresql://u:hunter%2F2%40@10.0.0.7/jobs", "10.0.0.7/jobs"),
        ("postgresql://u:hunterh\xf62@db_1/jobs", "db_1/jobs"),
        ("postgresql:///jobs", "of this machine/jobs"),
        ("postgresql:///jobs?host=/run/postgresql&user=u", "of this machine/jobs"),
        ("postgresql://%2Frun%2Fpostgresql/jobs", "%2Frun%2Fpostgresql/jobs"),
        ("postgresql://db", "db"),
    ],
)
def test_a_database_is_shown_without_its_user_and_password(dsn: str, where: str) -> None:
    check_dsn(dsn, setting="database")
    assert shown(dsn) == where


_MALFORMED_URLS = [
    "http://[::1",
    "http://[zz]:80",
    "http://h:99999",
    "http://h:0",
    "http://h:port",
    "http://h x",
    "http://",
    "http://:80",
    "http://u:hunter2@[::1",
]


@pytest.mark.parametrize("url", [*_MALFORMED_URLS, "http://h%zz", "ftp://h", "h:80"])
@pytest.mark.parametrize(
    "setting", ["public_url", "operator_webhook_url", "artifacts_endpoint", "egress_proxy"]
)
def test_a_malformed_url_is_a_sentence_that_names_the_setting(setting: str, url: str) -> None:
    settings: dict[str, Any] = {setting: url}
    with pytest.raises(SetupError, match=setting) as raised:
        check_addresses(Settings(**settings))
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("url", _MALFORMED_URLS)
@pytest.mark.parametrize("name", ["base_url", "jwks_url"])
def test_a_malformed_url_of_an_engine_is_a_sentence(name: str, url: str) -> None:
    table = {"type": "fal", "api_key": "k-0123456789", name: url}
    settings = Settings(engines={"far": table})
    with pytest.raises(SetupError, match=f"engine far: {name} is wrong") as raised:
        Upstreams(
            settings,
            TargetPolicy.server(),
            proxy=None,
            resolver=FakeResolver({}),
            wakes=Subscriptions(),
        )
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    ["s3://[x", "s3://", "s3:///p", "s3://b c", "s3://b:99999/p", "s3://k:hunter2@b", "s3://b\xf6"],
)
def test_a_malformed_bucket_is_a_sentence(url: str) -> None:
    with pytest.raises(SetupError, match="artifacts_url") as raised:
        check_addresses(Settings(artifacts_url=url))
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("host", ["http://box.lan", "box.lan:80", "*", "*.lan", "", "[::1", "a b"])
def test_an_allowed_host_is_a_name_or_an_address_alone(host: str) -> None:
    with pytest.raises(SetupError, match="allowed_hosts"):
        check_addresses(Settings(allowed_hosts=("box.lan", host)))


def test_well_spelled_addresses_are_taken() -> None:
    check_addresses(
        Settings(
            database="postgresql://u:p@h/x",
            database_direct="postgresql://u:p@[::1]:5432/x",
            public_url="https://gen.example:8443/made",
            operator_webhook_url="https://ops.example/hook?x=1",
            artifacts_url="s3://bucket/pre/fix",
            artifacts_endpoint="http://s3:9000",
            egress_proxy="http://u:p@[::1]:3128",
            engines={"far": {"base_url": "https://[2001:db8::1]:8080/v1"}, "video/*": "null"},
            allowed_hosts=("box.lan", "10.0.0.7", "::1", "[2001:db8::1]"),
        )
    )


@pytest.mark.parametrize(
    ("setting", "text", "says"),
    [
        ("webhook_networks", "10.0.0.0/33", "10.0.0.0/8"),
        ("webhook_networks", "web", "10.0.0.0/8"),
        ("webhook_networks", "http://10.0.0.1", "10.0.0.0/8"),
        ("webhook_networks", "10.0.0.5/8", "write 10.0.0.0/8"),
        ("webhook_networks", "169.254.0.0/16", "never called"),
        ("webhook_networks", "169.254.169.254", "never called"),
        ("webhook_networks", "fe80::/64", "never called"),
        ("webhook_networks", "fd00:ec2::254", "never called"),
        ("webhook_networks", "::ffff:10.0.0.0/104", "as IPv4"),
        ("input_networks", "minio", "10.0.0.0/8"),
        ("trusted_proxies", "proxy", "10.0.0.0/8"),
        ("webhook_hosts", "http://web", "without http://"),
        ("webhook_hosts", "web:3000", "without a port"),
        ("webhook_hosts", "*", "like web or"),
        ("webhook_hosts", "a.*.b", "like web or"),
        ("webhook_hosts", "10.0.0.1", "takes names"),
        ("webhook_hosts", "[::1]", "takes names"),
    ],
)
def test_a_network_or_host_that_cannot_be_allowed_is_a_sentence_at_the_start(
    setting: str, text: str, says: str
) -> None:
    named: dict[str, Any] = {setting: (text,)}
    with pytest.raises(SetupError) as raised:
        check_addresses(Settings(**named))
    assert setting in str(raised.value)
    assert says in str(raised.value)


def test_networks_hosts_and_ports_that_may_be_allowed_are_taken() -> None:
    settings = Settings(
        webhook_networks=("10.0.0.0/8", "192.168.1.7", "fd00::/8", "64:ff9b:1::/48", "::1"),
        webhook_hosts=("web", "Hooks.Example", "*.svc.cluster.local", "host.docker.internal"),
        webhook_ports=(3000,),
        input_networks=("0.0.0.0/0", "::/0"),
    )
    check_addresses(settings)
    policy = policy_for(settings, None)
    for url in ("https://web:3000/", "https://10.9.9.9/", "https://1.1.1.1/"):
        policy.check_url(parse_target(url))
    inputs = input_policy_for(settings, None)
    inputs.check_url(parse_target("http://10.9.9.9:9000/x.png"))
    with pytest.raises(BlockedTarget):
        inputs.check_url(parse_target("http://169.254.169.254/"))


@pytest.mark.parametrize(
    ("url", "setting"),
    [
        ("http://files.test/x.png", "webhook_http"),
        ("https://files.test:9000/x.png", None),
        ("https://10.9.9.9/x.png", None),
        ("http://10.9.9.9:9000/x.png", None),
    ],
)
def test_an_input_that_a_proxy_looks_up_is_refused_as_it_is_submitted(
    url: str, setting: str | None
) -> None:
    settings = Settings(egress_proxy="http://proxy:3128", input_networks=("10.0.0.0/8",))
    inputs = input_policy_for(settings, None)
    if "10.9.9.9" in url:
        inputs.check_url(parse_target(url))
        return
    with pytest.raises(BlockedTarget) as refused:
        inputs.check_url(parse_target(url))
    assert "input_networks" not in str(refused.value)
    assert (setting is None) or setting in str(refused.value)


def test_the_emulator_may_be_kept_out_of_private_networks() -> None:
    settings = Settings(profile="dev", webhook_networks=(), input_networks=())
    for policy in (policy_for(settings, None), input_policy_for(settings, None)):
        policy.check_url(parse_target("http://127.0.0.1:3000/"))
        with pytest.raises(BlockedTarget):
            policy.check_url(parse_target("http://10.0.0.1/"))


@pytest.mark.parametrize("text", ["minio:9000", "http://minio:9000/bucket", "http://u:p@m", "*"])
def test_an_origin_of_results_is_an_origin_alone(text: str) -> None:
    with pytest.raises(SetupError, match="engine far: result_origins"):
        result_origins_of("The engine far", [text])
