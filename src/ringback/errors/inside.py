"""What goes wrong within the server, at its engines or its storage."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.errors.base import RingbackError


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
