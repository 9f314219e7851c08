"""New identifiers and secrets; the only place that makes them.

Jobs and deliveries are named by UUID version 7 (RFC 9562, section 5.7): 48 bits of milliseconds,
then a 12-bit counter within the millisecond and 62 random bits. Sorting by id is sorting by time.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Callable

_VERSION = 0x7 << 76
_VARIANT = 0x2 << 62
_COUNTER_MAX = 0xFFF


class Ids:
    """Makes identifiers that sort by time, also within one millisecond of one process."""

    def __init__(self, now_ms: Callable[[], int], randbits: Callable[[int], int]) -> None:
        self._now_ms = now_ms
        self._randbits = randbits
        self._last_ms = -1
        self._counter = 0

    def uuid7(self) -> str:
        """Return a new UUID version 7; each sorts after the last, even if time steps back."""
        now_ms = self._now_ms()
        if now_ms > self._last_ms:
            self._last_ms = now_ms
            # Half the counter's range is left free, so that a busy millisecond cannot run over.
            self._counter = self._randbits(11)
        else:
            self._counter += 1
            if self._counter > _COUNTER_MAX:
                self._last_ms += 1
                self._counter = 0
        value = self._last_ms << 80 | _VERSION | self._counter << 64 | _VARIANT | self._randbits(62)
        digits = f"{value:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def uuid7_floor(at_ms: int) -> str:
    """Return the lowest UUID version 7 of that millisecond: ids made before it sort below."""
    digits = f"{at_ms << 80 | _VERSION | _VARIANT:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def derived_uuid(*names: str) -> str:
    """Return the UUID (version 8) that these names always have, and that tells none of them."""
    digest = hashlib.sha256("\0".join(names).encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-9{digest[17:20]}-{digest[20:32]}"


def uuid7_ms(uuid7: str) -> int:
    """Return the time in a UUID version 7, in milliseconds."""
    return int(uuid7.replace("-", "")[:12], 16)


def new_token() -> str:
    """Return a new bearer token: ``rb_`` and 256 random bits."""
    return f"rb_{secrets.token_urlsafe(32)}"


def new_secret() -> str:
    """Return a new Standard Webhooks secret: ``whsec_`` and base64 of 32 random bytes."""
    return f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"


def new_key() -> bytes:
    """Return 256 random bits: a master key, or the seed of an Ed25519 key pair."""
    return secrets.token_bytes(32)


def new_share_id() -> str:
    """Return a new unguessable name of a style: ``shr_`` and 192 random bits."""
    return f"shr_{secrets.token_urlsafe(24)}"


def new_artifact_stem() -> str:
    """Return an unguessable file name without its ending: 192 random bits."""
    return secrets.token_urlsafe(24)
