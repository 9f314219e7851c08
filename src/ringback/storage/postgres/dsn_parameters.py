"""Reads the parameters of a database URL as hosted providers print it, for our driver.

Some are libpq's own, which the driver does not know and would send to the server as settings; some
are of ORMs and poolers. They are translated where the driver can do the same, and left out else.
"""

from __future__ import annotations

import ssl
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

_OF_LIBPQ = frozenset(
    {
        "connect_timeout", "fallback_application_name", "gssdelegation", "gssencmode", "hostaddr",
        "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval",
        "load_balance_hosts", "require_auth", "requirepeer", "requiressl", "sslcertmode",
        "sslcompression", "sslcrldir", "sslsni", "tcp_user_timeout",
    }
)  # fmt: skip
"""Parameters of libpq for which this server has means of its own, or no use."""
_OF_OTHERS = frozenset(
    {
        "channel_binding", "connection_limit", "max_connections", "max_idle_connection_lifetime",
        "pgbouncer", "pool", "pool_max_conns", "pool_mode", "pool_size", "pool_timeout",
        "prepared_statements", "preparethreshold", "prepare_threshold", "reconnect", "schema",
        "single_use_connections", "socket_timeout", "sslaccept", "sslidentity", "ssl",
        "statement_cache_size", "supa", "uselibpqcompat", "workaround",
    }
)  # fmt: skip
"""Parameters of ORMs and poolers, and of libpq's that the driver cannot keep."""
_MODES = {"no-verify": "require", "true": "require", "1": "require", "false": "disable"}


class ForDriver(NamedTuple):
    """A URL for the driver, how it verifies the server, and the names that were left out."""

    dsn: str
    verify: ssl.SSLContext | None
    ignored: tuple[str, ...]


def for_driver(dsn: str) -> ForDriver:
    """Return a database URL that ``check_dsn`` has checked, in words that the driver knows."""
    address, _, text = dsn.partition("?")
    named = dict(parse_qsl(text, keep_blank_values=True))
    kept = {name: value for name, value in named.items() if name.lower() not in _DROPPED}
    ignored = tuple(sorted(name for name in named if name.lower() in _OF_OTHERS))
    if mode := _MODES.get(named.get("sslmode", named.get("ssl", "")).lower()):
        kept["sslmode"] = mode
    if (schema := named.get("schema", "public")) != "public":
        kept.setdefault("search_path", schema)
    # libpq's "system" verifies the name too; so does Prisma's "strict".
    is_verified = kept.get("sslrootcert") == "system" or named.get("sslaccept") == "strict"
    if is_verified and kept.get("sslmode") != "disable":
        kept = {name: v for name, v in kept.items() if name not in ("sslrootcert", "sslmode")}
    query = urlencode(kept, quote_via=quote)
    translated = {"schema", "ssl", *(("sslaccept",) if is_verified else ())}
    return ForDriver(
        dsn if kept == named else f"{address}?{query}".rstrip("?"),
        ssl.create_default_context() if is_verified else None,
        tuple(name for name in ignored if name not in translated),
    )


_DROPPED = _OF_LIBPQ | _OF_OTHERS
