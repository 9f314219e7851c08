"""Endpoints and signing keys as the API shows them, and the requests about them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from ringback.api.documents.fields import Time, Uuid, time_or_null
from ringback.service.endpoints import EndpointService, RotatedSecret
from ringback.signing.rotation import SigningKey
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import JOB_EVENTS
from ringback.wire.document import iso_time

DESCRIPTION_LENGTH_MAX = 500
MODELS_MAX = 100
HEADERS_MAX = 20
HEADER_NAME_LENGTH_MAX = 64
SCHEDULE_MAX = 50
WAIT_S_MAX = 7 * 86_400
OVERLAP_S_MAX = 30 * 86_400

REDACTED = "(redacted)"

JobEvent = Annotated[str, Meta(extra_json_schema={"enum": [one.value for one in JOB_EVENTS]})]
PostedUrl = Annotated[
    str,
    Meta(
        pattern="^[hH][tT]{2}[pP][sS]?://",
        description="Events are posted to this URL. Addresses of private networks may be refused.",
    ),
]
Description = Annotated[
    str, Meta(max_length=DESCRIPTION_LENGTH_MAX, description="One line of text, for people.")
]
Events = Annotated[
    list[JobEvent],
    Meta(
        min_length=1,
        max_length=len(JOB_EVENTS),
        description="The events that it gets; by default the three terminal ones.",
    ),
]
Models = Annotated[
    list[str],
    Meta(
        max_length=MODELS_MAX,
        description="The ids of the models whose jobs it gets events of; empty for all.",
    ),
]
_ABOUT_HEADERS = (
    "Headers of every request to it, like an API key; they are stored encrypted. Headers of the "
    "connection, the content and the signature cannot be set."
)
HeaderName = Annotated[
    str, Meta(max_length=HEADER_NAME_LENGTH_MAX, pattern="^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
]
HeaderValue = Annotated[str, Meta(pattern="^[!-~]([ -~]*[!-~])?$")]
SentHeaders = Annotated[
    Annotated[dict[HeaderName, HeaderValue], Meta(max_length=HEADERS_MAX)] | None,
    Meta(description=_ABOUT_HEADERS),
]
Wait = Annotated[float, Meta(ge=0, le=WAIT_S_MAX)]
Schedule = Annotated[
    Annotated[list[Wait], Meta(min_length=1, max_length=SCHEDULE_MAX)] | None,
    Meta(
        description="The wait before each attempt in seconds, the first included; null for the "
        "server's schedule."
    ),
]
Disabled = Annotated[bool, Meta(description="True if it gets no events.")]
Overlap = Annotated[
    Annotated[float, Meta(ge=0, le=OVERLAP_S_MAX)] | None,
    Meta(description="Seconds for which older ones continue to sign; with 0 they stop at once."),
]


class ListenerRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A listener to create or change; members that are not sent stay."""

    description: Description | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    models: Models | UnsetType = UNSET
    headers: SentHeaders | UnsetType = UNSET
    schedule_s: Schedule | UnsetType = UNSET


class EndpointChangeRequest(ListenerRequest, frozen=True, kw_only=True):
    """An endpoint to change; members that are not sent stay."""

    url: PostedUrl | UnsetType = UNSET
    disabled: Disabled | UnsetType = UNSET


class EndpointRequest(EndpointChangeRequest, frozen=True, kw_only=True):
    """An endpoint to create."""

    url: PostedUrl


class MissedDocument(Struct, frozen=True, kw_only=True):
    """Events that the endpoint missed."""

    since: Time
    recover: Annotated[str, Meta(description="The operation that sends them.")]


class EndpointDocument(Struct, frozen=True, kw_only=True):
    """A webhook URL of the workspace."""

    endpoint_id: Uuid
    url: str
    listener: Annotated[
        str | None,
        Meta(
            description="The name of a listener; null for an endpoint with a URL.",
        ),
    ]
    heard_at: Annotated[
        Time | None,
        Meta(description="The last time at which a listener's program was connected."),
    ]
    description: str
    events: Events
    models: Models
    headers: Annotated[dict[str, str], Meta(description="Its own headers, without their values.")]
    schedule_s: Schedule
    created_at: Time
    disabled: Disabled
    disabled_at: Time | None
    disabled_reason: Annotated[
        str | None,
        Meta(
            description="`asked`, `gone` (it answered 410), `failing` (for days) or "
            "`unheard` (a listener to which no program came, for days).",
        ),
    ]
    failing_since: Annotated[
        Time | None, Meta(description="The first failure since its last success.")
    ]
    missed: Annotated[
        MissedDocument | None,
        Meta(
            description="The events that it missed until it was enabled again; null for none.",
        ),
    ]
    public_keys: Annotated[
        list[str], Meta(description="The Ed25519 keys that sign in addition to its secret.")
    ]


class NewEndpointDocument(EndpointDocument, frozen=True, kw_only=True):
    """An endpoint that was just created."""

    secret: Annotated[str, Meta(description="Only this response shows it.")]


class EndpointsDocument(Struct, frozen=True, kw_only=True):
    """Every endpoint of the workspace, oldest first."""

    items: list[EndpointDocument]


class TestRequest(Struct, frozen=True, kw_only=True):
    """An object whose members are ignored."""


class TestSentDocument(Struct, frozen=True, kw_only=True):
    """The test's delivery; it is in the log."""

    delivery_id: str
    event: Literal["endpoint.test"]


class RecoveryDocument(Struct, frozen=True, kw_only=True):
    """The bulk operation that sends the missed events."""

    bulk_operation_id: str
    since: Time


class RecoveryRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The time since which events were missed, if the endpoint does not have it."""

    since: Time | None = None


class RotationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The time for which older secrets continue to sign."""

    overlap_s: Overlap = None


class RotatedSecretDocument(Struct, frozen=True, kw_only=True):
    """A new signing secret."""

    secret: Annotated[str, Meta(description="The new secret; only this response shows it.")]
    others_sign_until: Annotated[Time, Meta(description="Older secrets sign until then.")]


class KeyRequest(RotationRequest, frozen=True, kw_only=True):
    """An Ed25519 key to add; there is one kind."""

    kind: Literal["v1a"]


class PublicKeyDocument(Struct, frozen=True, kw_only=True):
    """The public half of an Ed25519 key."""

    kind: Literal["v1a"]
    public_key: Annotated[str, Meta(description="`whpk_` and base64.")]
    created_at: Time
    signs_until: Time | None


class PublicKeysDocument(Struct, frozen=True, kw_only=True):
    """Public keys, newest first."""

    items: list[PublicKeyDocument]


class JwksDocument(Struct, frozen=True, kw_only=True):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, Any]]


async def endpoint_document(endpoint: Endpoint, service: EndpointService) -> EndpointDocument:
    """Return an endpoint as the API shows it, without its secrets."""
    return EndpointDocument(**await _fields(endpoint, service))


async def new_endpoint_document(
    endpoint: Endpoint, service: EndpointService, *, secret: str
) -> NewEndpointDocument:
    """Return an endpoint that was just created, with its secret."""
    return NewEndpointDocument(**await _fields(endpoint, service), secret=secret)


async def _fields(endpoint: Endpoint, service: EndpointService) -> dict[str, Any]:
    owner = await service.owner_of(endpoint.endpoint_id, workspace_id=endpoint.workspace_id)
    missed_ms = endpoint.missed_since_ms
    recover = f"POST /webhooks/endpoints/{endpoint.endpoint_id}/recover"
    return {
        "endpoint_id": endpoint.endpoint_id,
        "url": endpoint.url,
        "listener": endpoint.listener,
        "heard_at": time_or_null(endpoint.heard_at_ms),
        "description": endpoint.description,
        "events": endpoint.events,
        "models": endpoint.models,
        "headers": dict.fromkeys(endpoint.header_names, REDACTED),
        "schedule_s": endpoint.schedule_s,
        "created_at": iso_time(endpoint.created_at_ms),
        "disabled": endpoint.disabled_at_ms is not None,
        "disabled_at": time_or_null(endpoint.disabled_at_ms),
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": time_or_null(endpoint.failing_since_ms),
        "missed": None
        if missed_ms is None
        else MissedDocument(since=iso_time(missed_ms), recover=recover),
        "public_keys": [key.public for key in await service.public_keys(owner)],
    }


def rotated_document(rotated: RotatedSecret) -> RotatedSecretDocument:
    """Return a secret that was just rotated."""
    return RotatedSecretDocument(
        secret=rotated.secret, others_sign_until=iso_time(rotated.others_until_ms)
    )


def public_key_document(key: SigningKey) -> PublicKeyDocument:
    """Return the public half of a key."""
    assert key.public is not None
    return PublicKeyDocument(
        kind="v1a",
        public_key=key.public,
        created_at=iso_time(key.created_at_ms),
        signs_until=time_or_null(key.retires_at_ms),
    )
