"""Every error that Ringback raises on purpose, in one tree, named by whose fault it is.

RingbackError
├── CallerError                     the request cannot be served as it is (4xx)
│   ├── InvalidRequest              a body, header or query is wrong; names each wrong field (400)
│   │   ├── InvalidFaults           faults, a fault script or a duration of the lab (400)
│   │   ├── InvalidMedia            a file whose content is not what can be taken (400)
│   │   └── InvalidTarget           a URL that may not be called (400)
│   ├── NotAuthenticated            no token, or an unknown one (401)
│   ├── BudgetSpent                 the workspace's or token's compute units are spent (402)
│   ├── HostRefused                 the Host header names a host that is not ours (403)
│   ├── OriginRefused               a page of another site called the tools (403)
│   ├── FormRefused                 a form of the page that came from elsewhere (403)
│   ├── StyleNotOwned               a style that another member trained (403)
│   ├── NotFound                    (404)
│   │   ├── JobNotFound
│   │   ├── AppNotFound
│   │   ├── AssetNotFound
│   │   ├── ChoreNotFound
│   │   ├── DeliveryNotFound
│   │   ├── DestinationNotFound
│   │   ├── EndpointNotFound
│   │   ├── ListenerNotFound
│   │   ├── ModelNotFound           carries near matches
│   │   ├── RouteNotFound
│   │   ├── StyleNotFound
│   │   └── TokenNotFound
│   ├── ModelUnavailable            the model has passed its sunset (410)
│   ├── MethodNotAllowed            (405)
│   ├── UploadTooSlow               the body did not come in the time it may take (408)
│   ├── IdempotencyConflict         one key, two different requests (409)
│   ├── DeliveryConflict            a delivery that is not in a position for that (409)
│   │   └── StaleAnswer             a listener's answer to what is no longer in its hands (409)
│   ├── TooManyApps                 the workspace keeps as many versions of apps as it may (409)
│   ├── TooManyChores               the workspace has as many chores running as it may (409)
│   ├── EndpointConflict            the endpoint, or how many there are, does not allow it (409)
│   ├── AssetsFull                  the workspace's assets are as large as they may be (409)
│   ├── BodyTooLarge                (413)
│   ├── UnsupportedMediaType        (415)
│   ├── RangeNotSatisfiable         a range that the file does not have (416)
│   ├── RateLimited                 the workspace submits faster than it may (429)
│   ├── BacklogFull                 the workspace's queue limit is reached (429)
│   ├── TooManyStreams              the workspace has as many streams open as it may (429)
│   ├── TooManyAttempts             too many tokens were tried that open nothing (429)
│   └── TooManyUploads              the workspace sends as many files at once as it may (429)
├── IllegalTransition               an event that the status does not allow; nothing changed
├── LeaseLost                       a write by somebody who no longer holds the job or delivery
│   └── RunOver                     a step for a run that has ended
├── EngineError                     the engine could not make the result; the job fails with it
│   ├── AnswerLost                  a purchase that may or may not have come about
│   └── ProviderAway                the provider of an upstream engine does not answer
├── Undeliverable                a delivery that can never be sent; it is discarded
├── FetchError                      a guarded request to a user's URL failed; has a stable reason
├── StorageFull                     the disk has no room for new work (507)
│   └── StorageUnavailable          the database cannot be reached (503)
├── ArtifactsAway                   the artifacts' bucket does not answer; waiting mends it (503)
├── Draining                        the server is going down and takes no new work (503)
├── NotReady                        one of the server's loops keeps breaking (503)
└── SetupError                      the server cannot start like this; says what to do
    └── SealBroken                  a sealed secret opens with none of the master keys
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class RingbackError(Exception):
    """Anything that Ringback raises on purpose."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: where it is (``/width``, or ``header:X-Webhook-URL``) and what broke."""

    path: str
    message: str


class CallerError(RingbackError):
    """A request that cannot be served as it is; ``code`` is stable and snake_case."""

    code = "bad_request"


class InvalidRequest(CallerError):
    """A request whose body, header or query is wrong; ``details`` names each wrong field."""

    code = "invalid_request"

    def __init__(self, message: str, details: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


class InvalidFaults(InvalidRequest):
    """Faults, a fault script or a duration that the lab does not understand."""

    code = "invalid_faults"


class InvalidMedia(InvalidRequest):
    """A file whose content is of no type that is taken, or broken, or too much to decode."""

    code = "invalid_media"


class InvalidTarget(InvalidRequest):
    """A URL of the caller's that may not be called; says no more than that."""

    code = "blocked_target"


class NotAuthenticated(CallerError):
    """No token came, or one that opens nothing."""

    code = "not_authenticated"


class BudgetSpent(CallerError):
    """What the workspace, or the token, may spend has been spent."""

    code = "budget_spent"

    def __init__(self, compute_units: float, *, whose: str, is_monthly: bool) -> None:
        each = " a month" if is_monthly else ""
        wait = " or wait for the next month (UTC)" if is_monthly else ""
        super().__init__(
            f"This {whose}'s budget of {compute_units:g} compute units{each} is spent; "
            f"ask the operator for more{wait}."
        )


class HostRefused(CallerError):
    """The Host header names a host that this server does not serve."""

    code = "host_refused"


class OriginRefused(CallerError):
    """A browser sent the request from another site's page."""

    code = "origin_refused"


class FormRefused(CallerError):
    """A form of the page that another site sent, or that belongs to no session."""

    code = "form_refused"


class NotFound(CallerError):
    """Nothing of this workspace answers to that name."""

    code = "not_found"


class JobNotFound(NotFound):
    """No job of this workspace has that id."""

    code = "job_not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__("This workspace has no job with that id; check the id and the token.")
        self.job_id = job_id


class AppNotFound(NotFound):
    """The workspace has no node app of that version id or slug."""

    code = "app_not_found"

    def __init__(self) -> None:
        super().__init__("This workspace has no such node app; GET /node-apps lists them.")


class AssetNotFound(NotFound):
    """No asset of this workspace has that id."""

    code = "asset_not_found"

    def __init__(self) -> None:
        super().__init__("This workspace has no asset with that id; GET /assets lists them.")


class ChoreNotFound(NotFound):
    """No chore of this workspace has that id."""

    code = "chore_not_found"

    def __init__(self) -> None:
        super().__init__(
            "This workspace has no chore with that id; GET /webhooks/chores lists them."
        )


class DeliveryNotFound(NotFound):
    """No delivery of this workspace has that id."""

    code = "delivery_not_found"

    def __init__(self) -> None:
        super().__init__("This workspace has no delivery with that id; GET /deliveries lists them.")


class DestinationNotFound(NotFound):
    """Nothing of this workspace was ever owed there."""

    code = "destination_not_found"

    def __init__(self) -> None:
        super().__init__("This workspace has no such destination; GET /destinations lists them.")


class EndpointNotFound(NotFound):
    """No endpoint of this workspace has that id."""

    code = "endpoint_not_found"

    def __init__(self) -> None:
        super().__init__(
            "This workspace has no endpoint with that id; GET /webhooks/endpoints lists them."
        )


class ListenerNotFound(NotFound):
    """No listener of this workspace has that name."""

    code = "listener_not_found"

    def __init__(self) -> None:
        super().__init__(
            "This workspace has no listener of that name; PUT /webhooks/listeners/NAME makes one."
        )


class ModelNotFound(NotFound):
    """No model of the catalogue has that id; ``near`` are ids that resemble it."""

    code = "model_not_found"

    def __init__(self, model: str, near: Sequence[str] = ()) -> None:
        hint = f" Did you mean {' or '.join(near)}?" if near else " GET /models lists them."
        super().__init__(f"There is no model {model!r}.{hint}")
        self.model = model
        self.near = tuple(near)


class ModelUnavailable(CallerError):
    """The model has passed its sunset; carries what there is to use now."""

    code = "model_unavailable"

    def __init__(
        self,
        model: str,
        *,
        sunset_date: str,
        replacement: str | None = None,
        migration_url: str | None = None,
    ) -> None:
        instead = "" if replacement is None else f" Use {replacement} now."
        super().__init__(f"The model {model} is gone since {sunset_date}.{instead}")
        self.sunset_date = sunset_date
        self.replacement = replacement
        self.migration_url = migration_url


class RouteNotFound(NotFound):
    """No route has that path."""

    code = "route_not_found"


class StyleNotFound(NotFound):
    """No style that the caller may see, or change, has that id."""

    code = "style_not_found"

    def __init__(self) -> None:
        super().__init__("You have no style with that id; GET /styles lists those you may use.")


class StyleNotOwned(CallerError):
    """A style that the caller may see, and that is another's to share."""

    code = "style_not_owned"

    def __init__(self) -> None:
        super().__init__("This style is another's; only who trained it may share it.")


class TokenNotFound(NotFound):
    """No token of this workspace has that id."""

    code = "token_not_found"

    def __init__(self) -> None:
        super().__init__("This workspace has no token with that id.")


class MethodNotAllowed(CallerError):
    """The route exists, but not with that method; ``allow`` are the ones it has."""

    code = "method_not_allowed"

    def __init__(self, method: str, allow: Sequence[str]) -> None:
        super().__init__(f"This route does not take {method}; use {' or '.join(allow)}.")
        self.allow = tuple(allow)


class UploadTooSlow(CallerError):
    """The body did not come in the time that it may take."""

    code = "upload_too_slow"

    def __init__(self, idle_s: float, total_s: float) -> None:
        super().__init__(
            f"The upload was given up: a file has {total_s:g} s to come, and {idle_s:g} s for "
            "each part of it."
        )


class IdempotencyConflict(CallerError):
    """One idempotency key was used for two different requests."""

    code = "idempotency_conflict"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for a different request; use a new one for this request."
        )


class DeliveryConflict(CallerError):
    """A delivery that is in no position for what was asked; ``code`` says which it is in."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StaleAnswer(DeliveryConflict):
    """An answer that came too late; it changed nothing."""

    def __init__(self) -> None:
        super().__init__(
            "stale_answer",
            "This delivery is no longer in your hands: its time was over, it was answered before, "
            "or a person ended it. Should it still be owed, it comes again.",
        )


class EndpointConflict(CallerError):
    """What was asked does not go with the endpoints as they are; ``code`` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AssetsFull(CallerError):
    """The workspace's assets have as many bytes as they may."""

    code = "assets_full"

    def __init__(self, bytes_max: int) -> None:
        super().__init__(
            f"This workspace's assets may have {bytes_max} bytes in all, and this file goes "
            "beyond that; delete some: DELETE /assets/{id}."
        )
        self.bytes_max = bytes_max


class BodyTooLarge(CallerError):
    """The body has more bytes than this route takes."""

    code = "body_too_large"

    def __init__(self, bytes_max: int) -> None:
        super().__init__(f"The body is larger than {bytes_max} bytes, the most this route takes.")
        self.bytes_max = bytes_max


class UnsupportedMediaType(CallerError):
    """The body is not of a type that this route takes."""

    code = "unsupported_media_type"


class RangeNotSatisfiable(CallerError):
    """The range asked for begins beyond the file, which has ``size_bytes``."""

    code = "range_not_satisfiable"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"The file has {size_bytes} bytes, and that range is not among them.")
        self.size_bytes = size_bytes


class BacklogFull(CallerError):
    """The workspace's queue limit is reached; ``retry_after_s`` says when to ask again."""

    code = "backlog_full"

    def __init__(self, backlog_max: int, *, retry_after_s: int) -> None:
        super().__init__(
            f"This workspace already has {backlog_max} jobs waiting, the most it may have; "
            f"try again in {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class RateLimited(CallerError):
    """The workspace submits faster than it may; ``retry_after_s`` says when to ask again."""

    code = "rate_limited"

    def __init__(self, rate: float, *, retry_after_s: int) -> None:
        super().__init__(
            f"This workspace may submit {rate:g} jobs a second and has just done so; "
            f"try again in {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class TooManyStreams(CallerError):
    """The workspace has as many event streams open as it may; ``retry_after_s`` says when."""

    code = "too_many_streams"

    def __init__(self, streams_max: int, *, retry_after_s: int) -> None:
        super().__init__(
            f"This workspace already has {streams_max} event streams open, the most it may have; "
            f"close one, or try again in {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class TooManyAttempts(CallerError):
    """Too many tokens were tried that open nothing; ``retry_after_s`` says when to go on."""

    code = "too_many_attempts"

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(
            f"Too many tokens were tried from here that open nothing; wait {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class TooManyUploads(CallerError):
    """The workspace sends as many files at once as it may; ``retry_after_s`` says when."""

    code = "too_many_uploads"

    def __init__(self, uploads_max: int, *, retry_after_s: int) -> None:
        super().__init__(
            f"This workspace already sends {uploads_max} files, the most it may at once; "
            f"try again in {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class TooManyApps(CallerError):
    """The workspace keeps as many versions of node apps as it may."""

    code = "too_many_apps"

    def __init__(self, versions_max: int) -> None:
        super().__init__(
            f"This workspace keeps {versions_max} versions of node apps, the most there may be; "
            "execute one of those, or push to another workspace."
        )


class TooManyChores(CallerError):
    """The workspace has as many chores running as it may."""

    code = "too_many_chores"

    def __init__(self, chores_max: int) -> None:
        super().__init__(
            f"{chores_max} chores of this workspace are running, the most there may be; wait for "
            "one to end, or stop one: DELETE /webhooks/chores/{id}."
        )


class IllegalTransition(RingbackError):
    """An event that the job's status does not allow; nothing changed."""

    def __init__(self, job_id: str, status: str, event: str) -> None:
        super().__init__(f"job {job_id} is {status}, which does not allow {event}")
        self.job_id = job_id
        self.status = status
        self.event = event


class LeaseLost(RingbackError):
    """A write by somebody who no longer holds the job or delivery; nothing changed."""


class RunOver(LeaseLost):
    """A step was to begin for a run that has ended meanwhile; nothing was begun."""


class EngineError(RingbackError):
    """The engine could not make the job's result; the sentence becomes ``result.error``."""


class AnswerLost(EngineError):
    """A request that buys something may have arrived, and its answer did not."""

    def __init__(self, engine: str, reason: str) -> None:
        super().__init__(
            f"The provider of {engine} did not answer the submission ({reason}); the job may have "
            "been bought, and is not bought again."
        )
        self.reason = reason


class ProviderAway(EngineError):
    """The provider of an upstream engine gives no answer that counts; later it may."""

    def __init__(self, engine: str, reason: str) -> None:
        super().__init__(f"The provider of {engine} does not answer ({reason}); try again later.")
        self.reason = reason


class Undeliverable(RingbackError):
    """A delivery that can never be sent: there is nobody to send it to any more."""


class FetchError(RingbackError):
    """A guarded request to somebody's URL failed; ``reason`` is one of a stable few."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class StorageFull(RingbackError):
    """The disk has no room for new work."""

    code = "storage_full"


class ArtifactsAway(RingbackError):
    """The bucket that keeps the artifacts does not answer as it should; waiting may mend it."""

    code = "artifacts_away"


class StorageUnavailable(StorageFull):
    """The database cannot be reached: like a full disk, that is waited for."""

    code = "storage_unavailable"


class Draining(RingbackError):
    """The server is going down and takes no new work."""

    code = "draining"


class NotReady(RingbackError):
    """Some of the server's loops keep breaking; names those that the asker may know of."""

    code = "not_ready"

    def __init__(self, loops: Sequence[str] = ()) -> None:
        which = f": of its loops, {' and '.join(loops)} broke" if loops else " for work"
        super().__init__(f"The server is not ready{which}; its log says why.")


class SetupError(RingbackError):
    """The server cannot start like this; the sentence says what to do."""


class SealBroken(SetupError):
    """A sealed secret opens with none of the master keys at hand; the sentence says what to do."""
