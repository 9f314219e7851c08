"""Diagnoses requests that are signed with a public key, beside those with shared secrets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ringback.cli.verifying.diagnosis import NAMES, Diagnosis, Finding, diagnose
from ringback.cli.verifying.request import Captured

if TYPE_CHECKING:
    from ringback.receiver.verification import Key

_PREFIX = "whpk_"


def diagnose_any(
    request: Captured, secrets: Sequence[str], *, now_s: float, tolerance_s: float
) -> Diagnosis:
    """Return whether one of the secrets or public keys signed the request, and if not, why.

    Raises ``ReceiverMisuse`` for an invalid public key.
    """
    public = [secret for secret in secrets if secret.startswith(_PREFIX)]
    if public and all(request.values(name) for name in NAMES):
        from ringback.receiver.errors import WebhookVerificationError
        from ringback.receiver.public_keys import Ed25519Key
        from ringback.receiver.verification import verify

        keys: list[Key] = [Ed25519Key.from_text(text) for text in public]
        try:
            verify(keys, request.headers, request.body, now_s=now_s, tolerance_s=tolerance_s)
        except WebhookVerificationError as exc:
            refused = Diagnosis(False, (Finding(exc.kind, str(exc)),))
        else:
            return Diagnosis(True, (Finding("genuine", "The public key signed it, just now."),))
        if len(public) == len(secrets):
            return refused
    others = [secret for secret in secrets if secret not in public]
    return diagnose(request, others, now_s=now_s, tolerance_s=tolerance_s)
