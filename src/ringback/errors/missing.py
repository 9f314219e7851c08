"""Requests for something that does not exist or belongs to another workspace (404)."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.errors.base import CallerError


class NotFound(CallerError):
    """The workspace has nothing of that name."""

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


class BulkOperationNotFound(NotFound):
    """No bulk operation of this workspace has that id."""

    code = "bulk_operation_not_found"

    def __init__(self) -> None:
        super().__init__(
            "This workspace has no bulk operation with that id; "
            "GET /webhooks/bulk-operations lists them."
        )


class DeliveryNotFound(NotFound):
    """No delivery of this workspace has that id."""

    code = "delivery_not_found"

    def __init__(self) -> None:
        super().__init__("This workspace has no delivery with that id; GET /deliveries lists them.")


class DestinationNotFound(NotFound):
    """The workspace never had a delivery to that destination."""

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


class RouteNotFound(NotFound):
    """No route has that path."""

    code = "route_not_found"


class StyleNotFound(NotFound):
    """No style with that id is visible to the caller, or the caller may not change it."""

    code = "style_not_found"

    def __init__(self) -> None:
        super().__init__("You have no style with that id; GET /styles lists those you may use.")


class TokenNotFound(NotFound):
    """No token of this workspace has that id."""

    code = "token_not_found"

    def __init__(self) -> None:
        super().__init__("This workspace has no token with that id.")
