"""Requests that the present state does not allow: 403, 409 and 410."""

from __future__ import annotations

from ringback.errors.base import CallerError


class ModelUnavailable(CallerError):
    """The model has passed its sunset; carries its replacement."""

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


class StyleNotOwned(CallerError):
    """A style that the caller may see but not share, because another member trained it."""

    code = "style_not_owned"

    def __init__(self) -> None:
        super().__init__("This style is another member's; only its trainer may share it.")


class IdempotencyConflict(CallerError):
    """One idempotency key was used for two different requests."""

    code = "idempotency_conflict"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for a different request; use a new one for this request."
        )


class DeliveryConflict(CallerError):
    """The delivery's status does not allow the operation; ``code`` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StaleAnswer(DeliveryConflict):
    """A listener's answer that came after its lease had ended; it changed nothing."""

    def __init__(self) -> None:
        super().__init__(
            "stale_answer",
            "Your lease of this delivery has ended: its time was over, it was answered before, "
            "or a person ended it. If it is still owed, it is handed out again.",
        )


class EndpointConflict(CallerError):
    """The workspace's endpoints do not allow the operation; ``code`` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
