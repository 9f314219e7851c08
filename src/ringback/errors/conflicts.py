"""What does not go with how things stand: gone (410), another's (403), in no position (409)."""

from __future__ import annotations

from ringback.errors.base import CallerError


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


class StyleNotOwned(CallerError):
    """A style that the caller may see, and that is another's to share."""

    code = "style_not_owned"

    def __init__(self) -> None:
        super().__init__("This style is another's; only who trained it may share it.")


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
