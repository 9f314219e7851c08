"""Every error that Ringback raises on purpose, in one tree, by the party at fault.

RingbackError
├── CallerError                 the request cannot be served as it is (4xx)
│   ├── InvalidRequest          a body, header or query is wrong; names each wrong field (400)
│   │   ├── InvalidFaults       faults, a fault script or a duration of the lab (400)
│   │   ├── InvalidMedia        a file whose content is not accepted (400)
│   │   └── InvalidTarget       a URL that may not be called (400)
│   ├── NotAuthenticated        no token, or an unknown one (401)
│   ├── BudgetSpent             the workspace's or token's compute units are spent (402)
│   ├── HostRefused             the Host header names a host that is not ours (403)
│   ├── OriginRefused           a page of another site called the tools (403)
│   ├── FormRefused             a form of the page that another site sent (403)
│   ├── StyleNotOwned           a style that another member trained (403)
│   ├── NotFound                (404)
│   │   ├── JobNotFound
│   │   ├── AppNotFound
│   │   ├── AssetNotFound
│   │   ├── BulkOperationNotFound
│   │   ├── DeliveryNotFound
│   │   ├── DestinationNotFound
│   │   ├── EndpointNotFound
│   │   ├── ListenerNotFound
│   │   ├── ModelNotFound       carries near matches
│   │   ├── RouteNotFound
│   │   ├── StyleNotFound
│   │   └── TokenNotFound
│   ├── ModelUnavailable        the model has passed its sunset (410)
│   ├── MethodNotAllowed        (405)
│   ├── IdempotencyConflict     one key, two different requests (409)
│   ├── DeliveryConflict        the delivery's status does not allow the operation (409)
│   │   └── StaleAnswer         a listener's answer came after its lease ended (409)
│   ├── TooManyApps             the workspace keeps as many versions of apps as it may (409)
│   ├── TooManyBulkOperations   as many bulk operations run as may (409)
│   ├── EndpointConflict        the endpoint or the limit of endpoints does not allow it (409)
│   ├── AssetsFull              the workspace's assets are as large as they may be (409)
│   ├── BodyTooLarge            (413)
│   ├── PreconditionFailed      the file is another version than the one asked for (412)
│   ├── UnsupportedMediaType    (415)
│   │   └── UnsupportedCoding   the body is compressed
│   ├── RangeNotSatisfiable     a range that the file does not have (416)
│   ├── RateLimited             the workspace submits faster than it may (429)
│   ├── BacklogFull             the workspace's queue limit is reached (429)
│   ├── TooManyStreams          the workspace has as many streams open as it may (429)
│   ├── TooManyToolCalls        the workspace runs as many tools at once as it may (429)
│   ├── TooManyAttempts         too many tokens were tried that open nothing (429)
│   ├── SimulatedRefusal        the emulator was told to refuse (402, 410 or 429)
│   └── TooManyUploads          the workspace has as many uploads at once as it may (429)
├── IllegalTransition           an event that the status does not allow; nothing changed
├── LeaseLost                   a write after the lease of the job or delivery was lost
│   └── RunOver                 a step for a run that has ended
├── EngineError                 the engine could not make the result; the job fails with it
│   ├── SubmissionUnknown       nobody knows whether the provider took a submission
│   └── ProviderUnavailable     the provider of an upstream engine does not answer
├── EngineProcessDied           an engine's process died during a job; the job is run again
├── Undeliverable               a delivery that can never be sent; it is discarded
├── FetchError                  a guarded request to a user's URL failed; has a stable reason
├── StorageError                the store does not work now; a later try may succeed
│   ├── StorageFull             the disk has no room for new work (507)
│   └── StorageUnavailable      the database cannot be reached (503)
├── ArtifactsUnavailable        the store of artifacts does not work now (503)
├── Draining                    the server is going down and takes no new work (503)
├── NotReady                    the database or the artifacts are away, or a loop fails (503)
└── SetupError                  the server cannot start; the sentence names the remedy
    └── DecryptionFailed        a sealed secret opens with none of the master keys
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
    ArtifactsUnavailable,
    DecryptionFailed,
    Draining,
    EngineError,
    EngineProcessDied,
    FetchError,
    IllegalTransition,
    LeaseLost,
    NotReady,
    ProviderUnavailable,
    RunOver,
    SetupError,
    StorageError,
    StorageFull,
    StorageUnavailable,
    SubmissionUnknown,
    Undeliverable,
)
from ringback.errors.limits import (
    AssetsFull,
    BacklogFull,
    BudgetSpent,
    RateLimited,
    TooManyApps,
    TooManyAttempts,
    TooManyBulkOperations,
    TooManyStreams,
    TooManyToolCalls,
    TooManyUploads,
)
from ringback.errors.missing import (
    AppNotFound,
    AssetNotFound,
    BulkOperationNotFound,
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
    PreconditionFailed,
    RangeNotSatisfiable,
    SimulatedRefusal,
    UnsupportedCoding,
    UnsupportedMediaType,
)

__all__ = [
    "AppNotFound",
    "ArtifactsUnavailable",
    "AssetNotFound",
    "AssetsFull",
    "BacklogFull",
    "BodyTooLarge",
    "BudgetSpent",
    "BulkOperationNotFound",
    "CallerError",
    "DecryptionFailed",
    "DeliveryConflict",
    "DeliveryNotFound",
    "DestinationNotFound",
    "Draining",
    "EndpointConflict",
    "EndpointNotFound",
    "EngineError",
    "EngineProcessDied",
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
    "PreconditionFailed",
    "ProviderUnavailable",
    "RangeNotSatisfiable",
    "RateLimited",
    "RingbackError",
    "RouteNotFound",
    "RunOver",
    "SetupError",
    "SimulatedRefusal",
    "StaleAnswer",
    "StorageError",
    "StorageFull",
    "StorageUnavailable",
    "StyleNotFound",
    "StyleNotOwned",
    "SubmissionUnknown",
    "TokenNotFound",
    "TooManyApps",
    "TooManyAttempts",
    "TooManyBulkOperations",
    "TooManyStreams",
    "TooManyToolCalls",
    "TooManyUploads",
    "Undeliverable",
    "UnsupportedCoding",
    "UnsupportedMediaType",
]
