"""How an upstream engine is set up: the table ``[engines.NAME]`` of the config file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from ringback.egress.url import MalformedTarget, parse_target
from ringback.errors import SetupError

_Seconds = Annotated[float, Meta(gt=0, le=7 * 86_400)]
_SECRET_BYTES_MAX = 8_192


class UpstreamSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every type of upstream engine has; a type may add to it."""

    type: str
    """Which kind of provider it is."""
    base_url: str | None = None
    """Where the provider is; inside addresses are allowed, because you name them here."""
    api_key: str | None = None
    """What opens the provider; better in api_key_env or api_key_file."""
    api_key_env: str | None = None
    """The environment variable that holds the key."""
    api_key_file: str | None = None
    """The file that holds the key."""
    webhook_secret: str | None = None
    """What the provider's webhooks are signed with, where the provider has such a secret."""
    webhook_secret_env: str | None = None
    """The environment variable that holds that secret."""
    webhooks: bool = True
    """Ask for the provider's webhooks, when public_url is set; polling goes on either way."""
    models: dict[str, str] = {}
    """Our models' ids, and the provider's names for them where they differ."""
    concurrency: Annotated[int, Meta(ge=1, le=100_000)] = 16
    """Jobs that are at the provider at once."""
    rate: Annotated[float, Meta(ge=0, le=100_000)] = 0.0
    """Requests per second to the provider; 0 is no limit."""
    timeout_s: _Seconds = 7_200.0
    """How long one job may take."""
    request_timeout_s: _Seconds = 30.0
    """How long one request to the provider may take."""
    retries: Annotated[int, Meta(ge=0, le=100)] = 6
    """How often a request is repeated where that is safe."""
    patience_s: Annotated[float, Meta(ge=0, le=7 * 86_400)] = 600.0
    """How long a submission is tried while the provider is away or busy, and has taken nothing."""
    poll_s: _Seconds = 1.0
    """The wait before the first look; each wait is half as long again, up to poll_s_max."""
    poll_s_max: _Seconds = 10.0
    """The longest wait between two looks."""
    copy_results: bool = True
    """Keep copies of results; otherwise jobs have the provider's own links."""
    result_bytes_max: Annotated[int, Meta(ge=1, le=4 << 30)] = 256 << 20
    """The largest result that is copied."""
    resend: bool = False
    """Of providers that take no idempotency key: buy again when nobody knows if it was bought."""

    def __repr__(self) -> str:
        # Without any field: some are secrets.
        return f"{type(self).__name__}(type={self.type!r})"


def secret_of(
    where: str,
    environment: Mapping[str, str],
    *,
    given: str | None,
    variable: str | None = None,
    file: str | None = None,
) -> str | None:
    """Return a secret from the one place that is named for it, or raise ``SetupError``."""
    if sum(place is not None for place in (given, variable, file)) > 1:
        raise SetupError(f"{where} is given more than once; name one place for it.")
    secret = given
    if variable is not None:
        secret = environment.get(variable)
        if not secret:
            raise SetupError(f"{where} is to come from the variable {variable}, which is not set.")
    if file is not None:
        secret = _in_file(where, file)
    if secret is None:
        return None
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise SetupError(f"{where} must be printable ASCII without spaces.")
    return secret


def _in_file(where: str, file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            return opened.read(_SECRET_BYTES_MAX).decode("ascii").strip()
    except (OSError, UnicodeError) as exc:
        raise SetupError(f"{where} cannot be read from {file} ({type(exc).__name__}).") from exc


def base_url_of(where: str, text: str) -> str:
    """Return a base URL without a slash at its end, or raise ``SetupError``."""
    try:
        target = parse_target(text)
    except MalformedTarget as exc:
        raise SetupError(f"{where}: base_url is wrong: {exc}") from exc
    if "?" in target.path_and_query:
        raise SetupError(f"{where}: base_url must not have a query.")
    return text.rstrip("/")
