"""The receiver kit's exceptions: a request that is no genuine webhook, or a misuse of the kit.

ReceiverError
├── WebhookVerificationError
│   ├── MissingHeader   webhook-id, webhook-timestamp or webhook-signature is not there
│   ├── Malformed       a header or the body has the wrong form
│   ├── BadSignature    no signature is right for these bytes
│   ├── TooOld          it was signed too long ago
│   └── TooNew          it was signed in the future
├── NoJob               the event describes no job
└── ReceiverMisuse      the program uses the kit in a way that cannot work
"""

from __future__ import annotations


class ReceiverError(Exception):
    """The base class of every exception of the receiver kit."""


class ReceiverMisuse(ReceiverError):
    """The program uses the kit in a way that cannot work; the sentence says what to do."""


class NoJob(ReceiverError):
    """The event describes no job, so it has none to read."""


class WebhookVerificationError(ReceiverError):
    """A request that must be refused; ``kind`` is a word for programs."""

    kind = "refused"


class MissingHeader(WebhookVerificationError):
    """A header that verification needs is missing."""

    kind = "missing_header"


class Malformed(WebhookVerificationError):
    """A header or the body has the wrong form."""

    kind = "malformed"


class BadSignature(WebhookVerificationError):
    """No signature matches: the secret differs, or the bytes were changed after signing."""

    kind = "bad_signature"


class TooOld(WebhookVerificationError):
    """The webhook was signed too long ago; it may be a replay of a recorded request."""

    kind = "too_old"


class TooNew(WebhookVerificationError):
    """The webhook was signed in the future; one of the two clocks is wrong."""

    kind = "too_new"
