"""Webhook URLs as clients send them: judged, and refused by the name of where they stood."""

from __future__ import annotations

from ringback.egress.policy import BlockedTarget, TargetPolicy
from ringback.egress.url import parse_target
from ringback.errors import FieldError, InvalidTarget
from ringback.log import get_logger

log = get_logger(__name__)


def judge_target(policy: TargetPolicy, url: str, *, path: str) -> str:
    """Return a URL that may be called, or raise ``InvalidTarget`` with the path in its details."""
    try:
        policy.judge_url(parse_target(url))
    except InvalidTarget as exc:
        if isinstance(exc, BlockedTarget):
            log.info("target_blocked", detail=exc.detail)  # the caller is not told why
        exc.details = (FieldError(path, str(exc)),)
        raise
    return url
