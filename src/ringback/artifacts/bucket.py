"""Where a bucket is and how it is spoken to: pure, from the settings and the AWS variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self
from urllib.parse import quote, urlsplit

from msgspec import Struct

from ringback.errors import SetupError

_DEFAULT_REGION = "us-east-1"
_HOW = "write it as s3://BUCKET or s3://BUCKET/PREFIX"


class Credentials(Struct, frozen=True, kw_only=True):
    """A fixed pair of AWS keys; a session's has a token beside it."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self | None:
        """Return the pair in the environment; None when keys come by another way."""
        key, secret = (
            environment.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        )
        if not key or not secret:
            return None
        token = environment.get("AWS_SESSION_TOKEN") or None
        return cls(access_key_id=key, secret_access_key=secret, session_token=token)


class Bucket(Struct, frozen=True, kw_only=True):
    """A bucket, or a part of it, on an S3-compatible server."""

    name: str
    prefix: str
    region: str
    endpoint: str  # the server's URL; of one bucket when it is virtual hosted
    path_style: bool
    credentials: Credentials | None = None

    @property
    def speaks_plain_http(self) -> bool:
        """Say whether what is kept travels in the clear."""
        return self.endpoint.startswith("http://")

    @property
    def url(self) -> str:
        """Return the URL of the bucket itself."""
        return f"{self.endpoint}/{self.name}" if self.path_style else self.endpoint

    @property
    def origin(self) -> str:
        """Return the scheme and host of its files' URLs."""
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc}".lower()

    @property
    def shown(self) -> str:
        """Return what people call it."""
        return f"s3://{self.name}/{self.prefix}".rstrip("/")


def bucket_at(
    url: str,
    *,
    endpoint: str | None,
    region: str | None,
    path_style: bool,
    environment: Mapping[str, str],
) -> Bucket:
    """Return the bucket that the settings name, or raise ``SetupError``."""
    parts = urlsplit(url)
    name, prefix = parts.netloc, parts.path.strip("/")
    if parts.scheme != "s3" or not name or parts.query or parts.fragment or "@" in name:
        raise SetupError(f"The setting artifacts_url is no bucket: {_HOW}.")
    if quote(prefix, safe="/-_.~") != prefix or "//" in prefix or ".." in prefix.split("/"):
        raise SetupError(
            "The prefix in the setting artifacts_url may have letters, digits, - _ . ~ and single "
            f"slashes; {_HOW}."
        )
    region = (
        region
        or environment.get("AWS_REGION")
        or environment.get("AWS_DEFAULT_REGION")
        or _DEFAULT_REGION
    )
    endpoint = (
        endpoint
        or environment.get("AWS_ENDPOINT_URL_S3")
        or environment.get("AWS_ENDPOINT_URL")
        or f"https://s3.{region}.amazonaws.com"
    )
    return Bucket(
        name=name,
        prefix=prefix,
        region=region,
        endpoint=_of_bucket(endpoint, name, path_style=path_style),
        path_style=path_style,
        credentials=Credentials.of(environment),
    )


def _of_bucket(endpoint: str, name: str, *, path_style: bool) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise SetupError(
            "The setting artifacts_endpoint is no URL; write it as https://HOST or https://HOST:PORT."
        )
    path = parts.path.rstrip("/")
    host = parts.netloc if path_style else f"{name}.{parts.netloc}"
    return f"{parts.scheme}://{host}{path}"
