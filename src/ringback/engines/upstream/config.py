"""Settings of an upstream engine: the table ``[engines.NAME]`` of the config file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from ringback.egress.url import MalformedTarget, parse_target
from ringback.errors import SetupError
from ringback.wire.texts import decode_text, variable_text

_Seconds = Annotated[float, Meta(gt=0, le=7 * 86_400)]
_SECRET_BYTES_MAX = 8_192


class UpstreamSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of every type of upstream engine; a type may add its own."""

    type: str
    """The type of provider."""
    base_url: str | None = None
    """The provider's URL; private addresses are allowed, because the operator names them here."""
    api_key: str | None = None
    """The provider's API key; better in api_key_env or api_key_file."""
    api_key_env: str | None = None
    """The environment variable that holds the key."""
    api_key_file: str | None = None
    """The file that holds the key."""
    webhook_secret: str | None = None
    """The secret that signs the provider's webhooks, where the provider has one."""
    webhook_secret_env: str | None = None
    """The environment variable that holds that secret."""
    webhooks: bool = True
    """Ask for the provider's webhooks, when public_url is set; polling goes on either way."""
    models: dict[str, str] = {}
    """Our models' ids, and the provider's names for them where they differ."""
    concurrency: Annotated[int, Meta(ge=1, le=100_000)] = 16
    """The number of jobs at the provider at the same time."""
    rate: Annotated[float, Meta(ge=0, le=100_000)] = 0.0
    """Requests per second to the provider; 0 is no limit."""
    timeout_s: _Seconds = 7_200.0
    """The time limit of one job."""
    request_timeout_s: _Seconds = 30.0
    """The time limit of one request to the provider."""
    retries: Annotated[int, Meta(ge=0, le=100)] = 6
    """The number of times that a request is retried where that is safe."""
    patience_s: Annotated[float, Meta(ge=0, le=7 * 86_400)] = 600.0
    """The time for which a submission is retried while the provider is unavailable or busy."""
    poll_s: _Seconds = 1.0
    """The wait before the first poll; each wait is 1.5 times the one before, up to poll_s_max."""
    poll_s_max: _Seconds = 10.0
    """The longest wait between two polls."""
    copy_results: bool = True
    """Store copies of results; otherwise jobs name the provider's own links."""
    result_origins: tuple[str, ...] = ()
    """Origins like http://minio:9000 that results are fetched from, private addresses included."""
    result_bytes_max: Annotated[int, Meta(ge=1, le=4 << 30)] = 256 << 20
    """The largest result that is copied."""
    resend: bool = False
    """Without an idempotency key: submit again when the first submission's fate is unknown."""

    @property
    def more_secrets_env(self) -> dict[str, str]:
        """The environment variables of further secrets, by the adapter's names of them."""
        return {}

    def name_of(self, kind: str, model: str) -> str:
        """Return the provider's name of one of our models."""
        return self.models.get(f"{kind}/{model}") or self.models.get(model, model)

    def check_models(self, name: str, models: Sequence[tuple[str, str]]) -> None:
        """Raise ``SetupError`` if the engine of that name cannot serve these kinds and models."""

    def __repr__(self) -> str:
        # Secrets are among the fields, so none is shown.
        return f"{type(self).__name__}(type={self.type!r})"


def secret_of(
    where: str,
    environment: Mapping[str, str],
    *,
    value: str | None,
    variable: str | None = None,
    file: str | None = None,
) -> str | None:
    """Return a secret from the one source that is configured, or raise ``SetupError``."""
    if sum(source is not None for source in (value, variable, file)) > 1:
        raise SetupError(f"{where} is given more than once; name one source for it.")
    secret = value
    if variable is not None:
        secret = variable_text(environment, variable)
        if secret is None:
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
        with Path(file).open("rb") as stream:
            return decode_text(stream.read(_SECRET_BYTES_MAX)).strip()
    except (OSError, UnicodeError) as exc:
        raise SetupError(f"{where} cannot be read from {file} ({type(exc).__name__}).") from exc


def base_url_of(where: str, text: str, *, setting: str = "base_url") -> str:
    """Return a valid base URL without a trailing slash, or raise ``SetupError``."""
    try:
        target = parse_target(text)
    except MalformedTarget as exc:
        raise SetupError(f"{where}: {setting} is wrong: {exc}") from exc
    if "?" in target.path_and_query:
        raise SetupError(f"{where}: {setting} must not have a query.")
    return text.rstrip("/")


def result_origins_of(where: str, texts: Iterable[str]) -> frozenset[str]:
    """Return the origins that results may come from, or raise ``SetupError``."""
    origins = set()
    for text in texts:
        try:
            target = parse_target(text)
        except MalformedTarget as exc:
            raise SetupError(f"{where}: result_origins has {text!r}. {exc}") from exc
        if target.path_and_query != "/":
            raise SetupError(
                f"{where}: result_origins has {text!r}; give a scheme, a host and a port alone."
            )
        origins.add(target.origin)
    return frozenset(origins)
