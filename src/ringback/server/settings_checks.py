"""Rejects settings that cannot work: malformed addresses, and combinations of settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv6Address
from ssl import PROTOCOL_TLS_CLIENT, SSLContext

from ringback.errors import SetupError
from ringback.http.public_path import FIRST_PARTS, path_of
from ringback.settings import ROLES, Settings
from ringback.storage.dsn import check_dsn, check_files

_ONE = (
    "SQLite keeps the data in one directory, which one process serves alone; give a "
    "PostgreSQL database in RINGBACK_DATABASE (docs/scale.md says how to move there), or {or_}."
)


def check_scale(settings: Settings) -> None:
    """Raise ``SetupError`` for roles or processes that these settings cannot have."""
    if settings.is_dev and not settings.is_alone:
        raise SetupError(
            "The emulator keeps its data in a directory; unset database, or use ringback serve."
        )
    if settings.is_alone and set(settings.roles) != set(ROLES):
        raise SetupError(_ONE.format(or_="let one ringback serve do all of it"))
    if settings.is_alone and settings.processes > 1:
        raise SetupError(_ONE.format(or_="leave --processes out"))
    if settings.processes > 1 and settings.port == 0 and settings.probe_port == 0:
        raise SetupError("Several processes cannot share a probe_port of 0; name one.")


_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")


def check_addresses(settings: Settings) -> None:
    """Raise ``SetupError``, without any password in it, for a malformed address.

    Every command checks all addresses, used or not, so that an error shows at once and not inside
    a library. Engines check their own, so that doctor can report each of them.
    """
    for name in ("database", "database_direct"):
        dsn = getattr(settings, name)
        if dsn is not None:
            check_dsn(dsn, setting=name)
            check_files(dsn, setting=name)
    _check_bucket(settings)
    _check_proxy(settings)
    _check_networks(settings)
    if settings.ca_file is not None:
        from ringback.egress.dial import system_trust

        system_trust(settings.ca_file)
    for name in ("public_url", "operator_webhook_url"):
        _check_url(getattr(settings, name), f"The setting {name} is wrong")
    _check_public_path(settings)
    _check_origins(settings)
    if isinstance(settings.lab, dict):
        from ringback.server.lab_script import script_for

        script_for(settings)
    for host in settings.allowed_hosts:
        if not _is_host(host):
            raise SetupError(
                f"The setting allowed_hosts has {host!r}, which is no host; give names or "
                "addresses alone, without http:// and without a port."
            )


def check_authorities(environment: Mapping[str, str]) -> None:
    """Raise ``SetupError`` for a file in ``SSL_CERT_FILE`` that has no authorities.

    Python's TLS says nothing of it, and then trusts no receiver and no provider.
    """
    if file := environment.get("SSL_CERT_FILE"):
        from ringback.egress.dial import trust_file

        trust_file(SSLContext(PROTOCOL_TLS_CLIENT), file, named="SSL_CERT_FILE")


def _check_public_path(settings: Settings) -> None:
    """Raise ``SetupError`` for a path of public_url that this server's own paths begin with."""
    parts = path_of(settings.public_url).split("/")[1:]
    if any(part in ("", ".", "..") for part in parts):
        raise SetupError("The setting public_url is wrong: its path has an empty part or dots.")
    if parts and parts[0] in FIRST_PARTS:
        raise SetupError(
            f"The setting public_url is wrong: its path begins with /{parts[0]}, as this server's "
            "own paths do; choose another, like /ringback."
        )


def _check_origins(settings: Settings) -> None:
    if not settings.cors_origins:
        return
    from ringback.http.cross_origin import is_origin

    for origin in settings.cors_origins:
        if not is_origin(origin):
            raise SetupError(
                f"The setting cors_origins has {origin!r}, which is no origin; write each like "
                "https://app.example or http://localhost:5173, without a path."
            )


# The parsers are imported only for addresses that are set: doctor must run without them.


def _check_bucket(settings: Settings) -> None:
    if settings.artifacts_url is None and settings.artifacts_endpoint is None:
        return
    from ringback.files.artifacts.bucket import bucket_at

    bucket_at(
        settings.artifacts_url or "s3://bucket",
        endpoint=settings.artifacts_endpoint,
        region=settings.artifacts_region,
        path_style=settings.artifacts_path_style,
        environment={},
    )


def _check_proxy(settings: Settings) -> None:
    if settings.egress_proxy is None:
        return
    from ringback.egress.proxy import parse_proxy

    try:
        parse_proxy(settings.egress_proxy)
    except ValueError as exc:
        raise SetupError(f"The setting egress_proxy is wrong: {exc}.") from exc


def _check_networks(settings: Settings) -> None:
    named = (settings.webhook_networks, settings.webhook_hosts, settings.input_networks)
    if not any((*named, settings.trusted_proxies)):
        return
    from ringback.server.factories import input_policy_for, policy_for, trusted_proxies_for

    trusted_proxies_for(settings)
    policy_for(settings, None)
    input_policy_for(settings, None)


def _check_url(text: str | None, where: str) -> None:
    if text is None:
        return
    from ringback.egress.url import MalformedTarget, parse_target

    try:
        parse_target(text)
    except MalformedTarget as exc:
        raise SetupError(f"{where}. {exc.detail}") from exc


def _is_host(text: str) -> bool:
    is_bracketed = text.startswith("[") and text.endswith("]")
    return bool(_NAME.fullmatch(text)) or _is_ipv6(text[1:-1] if is_bracketed else text)


def _is_ipv6(text: str) -> bool:
    try:
        return bool(IPv6Address(text))
    except AddressValueError:
        return False
