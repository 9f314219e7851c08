"""Each way in which an attempt fails has its advice."""

from __future__ import annotations

import pytest

from ringback.egress.answer import Reason
from ringback.webhooks.advice import advice_for
from ringback.webhooks.model import Attempt

# A webhook's answer is read as far as it is allowed, and the rest left: it is never too large.
_WITHOUT = {Reason.LAB, Reason.TOO_LARGE}


def failed(
    reason: str | None, status_code: int | None = None, detail: str | None = None
) -> Attempt:
    return Attempt(
        number=1,
        started_at_ms=0,
        duration_ms=1,
        reason=reason,
        status_code=status_code,
        detail=detail,
    )


@pytest.mark.parametrize("reason", sorted(set(Reason) - _WITHOUT))
def test_every_reason_has_advice_in_a_sentence(reason: Reason) -> None:
    advice = advice_for(failed(str(reason)))
    assert advice is not None
    assert advice.endswith(".")


@pytest.mark.parametrize(
    ("attempt", "part"),
    [
        (failed("tls", detail="its certificate is not trusted: x"), "setting ca_file"),
        (failed("tls", detail="its TLS handshake failed: wrong version number"), "http://"),
        (failed("status", 401), "without a login"),
        (failed("status", 403), "ringback verify"),
        (failed("status", 404), "path of the URL"),
        (failed("status", 405), "take POST"),
        (failed("status", 413), "larger bodies"),
        (failed("status", 418), "refused the request"),
        (failed("status", 429), "webhook_rate_per_destination"),
        (failed("status", 500), "its own log"),
        (failed("status", 599), "its own log"),
    ],
)
def test_the_advice_fits_the_failure(attempt: Attempt, part: str) -> None:
    assert part in (advice_for(attempt) or "")


@pytest.mark.parametrize("reason", [None, "lab", "a reason of a later release"])
def test_nothing_is_advised_where_nothing_is_known(reason: str | None) -> None:
    assert advice_for(failed(reason)) is None
