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

from ringback.errors.base import (
    CallerError,
    FieldError,
    RingbackError,
)
from ringback.errors.conflicts import (
    DeliveryConflict,
    EndpointConflict,
    IdempotencyConflict,
    ModelUnavailable,
    StaleAnswer,
    StyleNotOwned,
)
from ringback.errors.inside import (
    AnswerLost,
    ArtifactsAway,
    Draining,
    EngineError,
    FetchError,
    IllegalTransition,
    LeaseLost,
    NotReady,
    ProviderAway,
    RunOver,
    SealBroken,
    SetupError,
    StorageFull,
    StorageUnavailable,
    Undeliverable,
)
from ringback.errors.limits import (
    AssetsFull,
    BacklogFull,
    BudgetSpent,
    RateLimited,
    TooManyApps,
    TooManyAttempts,
    TooManyChores,
    TooManyStreams,
    TooManyUploads,
)
from ringback.errors.missing import (
    AppNotFound,
    AssetNotFound,
    ChoreNotFound,
    DeliveryNotFound,
    DestinationNotFound,
    EndpointNotFound,
    JobNotFound,
    ListenerNotFound,
    ModelNotFound,
    NotFound,
    RouteNotFound,
    StyleNotFound,
    TokenNotFound,
)
from ringback.errors.requests import (
    BodyTooLarge,
    FormRefused,
    HostRefused,
    InvalidFaults,
    InvalidMedia,
    InvalidRequest,
    InvalidTarget,
    MethodNotAllowed,
    NotAuthenticated,
    OriginRefused,
    RangeNotSatisfiable,
    UnsupportedMediaType,
    UploadTooSlow,
)

__all__ = [
    "AnswerLost",
    "AppNotFound",
    "ArtifactsAway",
    "AssetNotFound",
    "AssetsFull",
    "BacklogFull",
    "BodyTooLarge",
    "BudgetSpent",
    "CallerError",
    "ChoreNotFound",
    "DeliveryConflict",
    "DeliveryNotFound",
    "DestinationNotFound",
    "Draining",
    "EndpointConflict",
    "EndpointNotFound",
    "EngineError",
    "FetchError",
    "FieldError",
    "FormRefused",
    "HostRefused",
    "IdempotencyConflict",
    "IllegalTransition",
    "InvalidFaults",
    "InvalidMedia",
    "InvalidRequest",
    "InvalidTarget",
    "JobNotFound",
    "LeaseLost",
    "ListenerNotFound",
    "MethodNotAllowed",
    "ModelNotFound",
    "ModelUnavailable",
    "NotAuthenticated",
    "NotFound",
    "NotReady",
    "OriginRefused",
    "ProviderAway",
    "RangeNotSatisfiable",
    "RateLimited",
    "RingbackError",
    "RouteNotFound",
    "RunOver",
    "SealBroken",
    "SetupError",
    "StaleAnswer",
    "StorageFull",
    "StorageUnavailable",
    "StyleNotFound",
    "StyleNotOwned",
    "TokenNotFound",
    "TooManyApps",
    "TooManyAttempts",
    "TooManyChores",
    "TooManyStreams",
    "TooManyUploads",
    "Undeliverable",
    "UnsupportedMediaType",
    "UploadTooSlow",
]
