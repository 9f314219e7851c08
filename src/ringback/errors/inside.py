"""Errors within the server, its engines or its storage."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.errors.base import RingbackError
from ringback.errors.reason_words import in_words


class IllegalTransition(RingbackError):
    """An event that the job's status does not allow; nothing changed."""

    def __init__(self, job_id: str, status: str, event: str) -> None:
        super().__init__(f"job {job_id} is {status}, which does not allow {event}")
        self.job_id = job_id
        self.status = status
        self.event = event


class LeaseLost(RingbackError):
    """A write after the lease of the job or delivery was lost; nothing changed."""


class RunOver(LeaseLost):
    """The run ended before its next step began; nothing was begun."""


class EngineError(RingbackError):
    """The engine could not make the job's result; the sentence becomes ``result.error``."""


class SubmissionUnknown(EngineError):
    """A submission may have reached the provider, but its answer was lost."""

    def __init__(self, engine: str, reason: str) -> None:
        super().__init__(
            f"The provider of {engine} did not answer the submission ({in_words(reason)}); the job "
            "may have been bought, and is not bought again."
        )
        self.reason = reason


class ProviderUnavailable(EngineError):
    """The provider of an upstream engine gives no usable answer now."""

    def __init__(self, engine: str, reason: str) -> None:
        super().__init__(
            f"The provider of {engine} does not answer ({in_words(reason)}); try again later."
        )
        self.reason = reason


class EngineProcessDied(RingbackError):
    """An engine's subprocess died during a job, while the server lived.

    The job is run again; after several such deaths it fails.
    """

    def __init__(self) -> None:
        super().__init__("the process that made the result died")


class Undeliverable(RingbackError):
    """A delivery that can never be sent, because its receiver no longer exists."""


class FetchError(RingbackError):
    """A guarded request to a user's URL failed; ``reason`` is one of a few stable words.

    ``words`` are for the URL's writer: the reason, or more where that tells nothing of the
    network. ``detail`` is for the operator's log alone.
    """

    def __init__(self, reason: str, detail: str, *, words: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.words = words or in_words(reason)


class StorageError(RingbackError):
    """The store does not work now; a later try may succeed, and accepted work is safe."""


class StorageFull(StorageError):
    """The disk has no room for new work."""

    code = "storage_full"


class ArtifactsUnavailable(RingbackError):
    """The store of artifacts does not work now; a later try may succeed."""

    code = "artifacts_unavailable"


class StorageUnavailable(StorageError):
    """The database cannot be reached; loops wait for it, as for a full disk."""

    code = "storage_unavailable"


class Draining(RingbackError):
    """The server is going down and takes no new work."""

    code = "draining"


class NotReady(RingbackError):
    """A dependency cannot be reached, or some loops keep failing; names both for operators."""

    code = "not_ready"

    def __init__(self, loops: Sequence[str] = (), *, unavailable: Sequence[str] = ()) -> None:
        which = f": of its loops, {' and '.join(loops)} broke" if loops else " for work"
        if unavailable:
            which = f": {' and '.join(unavailable)} cannot be reached"
        super().__init__(f"The server is not ready{which}; its log says why.")


class SetupError(RingbackError):
    """The server cannot start; the sentence names the remedy."""


class DecryptionFailed(SetupError):
    """A sealed secret opens with none of the master keys; the sentence names the remedy."""
