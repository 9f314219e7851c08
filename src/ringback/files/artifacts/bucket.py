"""The address and credentials of a bucket, from the settings and the AWS variables. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self
from urllib.parse import quote, urlsplit

from msgspec import Struct

from ringback.egress.url import MalformedTarget, parse_target
from ringback.errors import SetupError
from ringback.wire.texts import variable_text

_DEFAULT_REGION = "us-east-1"
_URL = re.compile(r"s3://(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:/(?P<prefix>[^?#]*))?")
_HOW = "write it as s3://BUCKET or s3://BUCKET/PREFIX"


class Credentials(Struct, frozen=True, kw_only=True):
    """A fixed pair of AWS keys, with the token of a session."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self | None:
        """Return the pair in the environment, or None where keys are not fixed."""
        key, secret = (
            variable_text(environment, name)
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        )
        if not key or not secret:
            return None
        token = variable_text(environment, "AWS_SESSION_TOKEN")
        return cls(access_key_id=key, secret_access_key=secret, session_token=token)


class Bucket(Struct, frozen=True, kw_only=True):
    """A bucket, or a prefix of one, on an S3-compatible server."""

    name: str
    prefix: str
    region: str
    endpoint: str  # the server's URL, with the bucket in its host unless path_style
    path_style: bool
    credentials: Credentials | None = None

    @property
    def is_plain_http(self) -> bool:
        """Return whether the connection is not encrypted."""
        return self.endpoint.startswith("http://")

    @property
    def url(self) -> str:
        """Return the URL of the bucket."""
        return f"{self.endpoint}/{self.name}" if self.path_style else self.endpoint

    @property
    def origin(self) -> str:
        """Return the scheme and host of its files' URLs."""
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc}".lower()

    @property
    def display_name(self) -> str:
        """Return the bucket's ``s3://`` URL for messages."""
        return f"s3://{self.name}/{self.prefix}".rstrip("/")


def bucket_at(
    url: str,
    *,
    endpoint: str | None,
    region: str | None,
    path_style: bool,
    environment: Mapping[str, str],
) -> Bucket:
    """Return the bucket of the settings, or raise ``SetupError``."""
    match = _URL.fullmatch(url)
    if match is None:
        raise SetupError(f"The setting artifacts_url is not a bucket URL: {_HOW}.")
    name, prefix = match["name"], (match["prefix"] or "").strip("/")
    if quote(prefix, safe="/-_.~") != prefix or "//" in prefix or ".." in prefix.split("/"):
        raise SetupError(
            "The prefix in the setting artifacts_url may have letters, digits, - _ . ~ and single "
            f"slashes; {_HOW}."
        )
    region = (
        region
        or variable_text(environment, "AWS_REGION")
        or variable_text(environment, "AWS_DEFAULT_REGION")
        or _DEFAULT_REGION
    )
    endpoint = (
        endpoint
        or variable_text(environment, "AWS_ENDPOINT_URL_S3")
        or variable_text(environment, "AWS_ENDPOINT_URL")
        or f"https://s3.{region}.amazonaws.com"
    )
    return Bucket(
        name=name,
        prefix=prefix,
        region=region,
        endpoint=_endpoint_of(endpoint, name, path_style=path_style),
        path_style=path_style,
        credentials=Credentials.of(environment),
    )


def _endpoint_of(endpoint: str, name: str, *, path_style: bool) -> str:
    try:
        target = parse_target(endpoint)
        problem = "It must not have a query." if "?" in target.path_and_query else None
    except MalformedTarget as exc:
        problem = exc.detail
    if problem:
        raise SetupError(
            f"The setting artifacts_endpoint is wrong. {problem} "
            "Write it as https://HOST or https://HOST:PORT."
        )
    parts = urlsplit(endpoint)
    path = parts.path.rstrip("/")
    host = parts.netloc if path_style else f"{name}.{parts.netloc}"
    return f"{parts.scheme}://{host}{path}"
