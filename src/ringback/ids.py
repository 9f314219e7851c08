"""Makes all identifiers and secrets.

The ids of jobs and deliveries are UUIDs version 7 (RFC 9562, section 5.7): 48 bits of
milliseconds, a 12-bit counter within the millisecond and 62 random bits. They sort by time.
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
    """Makes ids that sort by time, within one process even in the same millisecond."""

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
            # Half the counter's range stays free, so that a busy millisecond does not overflow it.
            self._counter = self._randbits(11)
        else:
            self._counter += 1
            if self._counter > _COUNTER_MAX:
                self._last_ms += 1
                self._counter = 0
        value = self._last_ms << 80 | _VERSION | self._counter << 64 | _VARIANT | self._randbits(62)
        return uuid_of(value)


def uuid7_floor(at_ms: int) -> str:
    """Return the lowest UUID version 7 of a millisecond; earlier ids sort before it."""
    return uuid_of(at_ms << 80 | _VERSION | _VARIANT)


def derived_uuid(*names: str) -> str:
    """Return the same UUID (version 8) for the same names, without revealing them."""
    digest = hashlib.sha256("\0".join(names).encode()).hexdigest()
    return uuid_of(int(f"{digest[:12]}8{digest[13:16]}9{digest[17:32]}", 16))


def uuid7_ms(uuid7: str) -> int:
    """Return the time in a UUID version 7, in milliseconds."""
    return int(uuid7.replace("-", "")[:12], 16)


def uuid_of(number: int) -> str:
    """Return the UUID of 128 bits, as it is written."""
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def number_of(uuid: str) -> int:
    """Return the 128 bits of a UUID."""
    return int(uuid.replace("-", ""), 16)


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
