"""Database URLs as hosted providers print them reach the driver in its own words."""

from __future__ import annotations

import ssl

import pytest

from ringback.errors import SetupError
from ringback.storage.dsn import check_dsn
from ringback.storage.postgres.connections import Server, close
from ringback.storage.postgres.dsn_parameters import for_driver
from tests.postgres import Databases

_BARE = "postgresql://u:p%40ss@db.example:5432/x"
_REQUIRE = "sslmode=require"
_RDS = "sslmode=verify-full&sslrootcert=/rds.pem"
_OURS = "application_name=a%20b&target_session_attrs=any"


@pytest.mark.parametrize(
    ("query", "kept", "ignored"),
    [
        ("", "", ()),
        ("sslmode=require&channel_binding=require", _REQUIRE, ("channel_binding",)),  # Neon
        ("sslmode=require&options=endpoint%3Dep-1", "sslmode=require&options=endpoint%3Dep-1", ()),
        ("pgbouncer=true&connection_limit=5", "", ("connection_limit", "pgbouncer")),  # Supabase
        ("supa=base-pooler.x&sslmode=require", "sslmode=require", ("supa",)),
        ("sslmode=no-verify", "sslmode=require", ()),  # Heroku, node-postgres
        ("ssl=true", "sslmode=require", ()),  # Render
        ("ssl=false", "sslmode=disable", ()),
        (_RDS, _RDS, ()),
        ("sslmode=require&uselibpqcompat=true", "sslmode=require", ("uselibpqcompat",)),  # Aiven
        ("schema=public&pool_timeout=20", "", ("pool_timeout",)),  # Prisma
        ("schema=jobs", "search_path=jobs", ()),
        ("connect_timeout=10&keepalives=1&gssencmode=disable", "", ()),  # Railway, libpq
        (_OURS, _OURS, ()),
    ],
)  # fmt: skip
def test_parameters_are_kept_translated_or_left_out(
    query: str, kept: str, ignored: tuple[str, ...]
) -> None:
    dsn = f"{_BARE}?{query}" if query else _BARE
    check_dsn(dsn, setting="database")
    assert for_driver(dsn) == (f"{_BARE}?{kept}" if kept else _BARE, None, ignored)


@pytest.mark.parametrize(
    "query", ["sslrootcert=system", "sslmode=verify-full&sslrootcert=system", "sslaccept=strict"]
)
def test_the_systems_certificates_verify_the_server_and_its_name(query: str) -> None:
    dsn, verify, ignored = for_driver(f"{_BARE}?{query}")
    assert (dsn, ignored) == (_BARE, ())
    assert verify is not None
    assert (verify.check_hostname, verify.verify_mode) == (True, ssl.CERT_REQUIRED)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql:///jobs?host=/run/postgresql&connect_timeout=3",
        "postgresql://h1:1,h2:2/x?pool=1",
    ],
)
def test_hosts_and_sockets_stay_as_they_are(dsn: str) -> None:
    found = for_driver(dsn).dsn
    assert found.partition("?")[0] == dsn.partition("?")[0]
    assert ("host=%2Frun%2Fpostgresql" in found or "host=/run" in found) == ("host=" in dsn)


async def test_a_real_server_takes_them_and_an_unknown_one_is_named(databases: Databases) -> None:
    with databases.fresh() as dsn:
        mark = "&" if "?" in dsn else "?"
        more = "sslmode=disable&channel_binding=prefer&pgbouncer=true&connect_timeout=10"
        server = Server(f"{dsn}{mark}{more}&keepalives=1&schema=public&pool_timeout=20")
        connection = await server.connect()
        await close(connection)
        with pytest.raises(SetupError, match=r'"frob".*leave that parameter out of the URL'):
            await Server(f"{dsn}{mark}frob=1").detect_pooler(wait_s=0)
