"""Why a request is no webhook that may be believed, and what a receiver may be made of wrongly.

ReceiverError
├── WebhookVerificationError
│   ├── MissingHeader   webhook-id, webhook-timestamp or webhook-signature is not there
│   ├── Malformed       a header or the body is not what it must be
│   ├── BadSignature    no signature is right for these bytes
│   ├── TooOld          it was signed too long ago
│   └── TooNew          it was signed in the future
└── ReceiverMisuse      the program uses the kit in a way that cannot work
"""

from __future__ import annotations


class ReceiverError(Exception):
    """Whatever the receiver kit raises."""


class ReceiverMisuse(ReceiverError):
    """The program uses the kit in a way that cannot work; the sentence says what to do."""


class WebhookVerificationError(ReceiverError):
    """A request that must be refused; ``kind`` is a word for programs."""

    kind = "refused"


class MissingHeader(WebhookVerificationError):
    """A header is missing without which nothing can be verified."""

    kind = "missing_header"


class Malformed(WebhookVerificationError):
    """A header or the body is not what it must be."""

    kind = "malformed"


class BadSignature(WebhookVerificationError):
    """No signature is right: another secret, or other bytes than were signed."""

    kind = "bad_signature"


class TooOld(WebhookVerificationError):
    """The webhook was signed too long ago; somebody may have kept it."""

    kind = "too_old"


class TooNew(WebhookVerificationError):
    """The webhook was signed in the future; one of the two clocks is wrong."""

    kind = "too_new"
