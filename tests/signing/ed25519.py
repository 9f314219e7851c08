"""Ed25519 by its definition (RFC 8032, section 5.1): slow, plain, and another than the one used."""

from __future__ import annotations

import hashlib

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P

Point = tuple[int, int]


def _add(a: Point, b: Point) -> Point:
    (ax, ay), (bx, by) = a, b
    twist = _D * ax * bx * ay * by % _P
    x = (ax * by + bx * ay) * pow(1 + twist, -1, _P) % _P
    y = (ay * by + ax * bx) * pow(1 - twist, -1, _P) % _P
    return x, y


def _times(scalar: int, point: Point) -> Point:
    total: Point = (0, 1)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _base() -> Point:
    y = 4 * pow(5, -1, _P) % _P
    squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(squared, (_P + 3) // 8, _P)
    if x * x % _P != squared:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    return (x if x % 2 == 0 else _P - x), y


_BASE = _base()


def _encode(point: Point) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _hash(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _expand(seed: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little")
    return scalar & (1 << 254) - 8 | 1 << 254, digest[32:]


def public_of(seed: bytes) -> bytes:
    scalar, _ = _expand(seed)
    return _encode(_times(scalar, _BASE))


def sign(seed: bytes, content: bytes) -> bytes:
    scalar, prefix = _expand(seed)
    nonce = _hash(prefix, content) % _ORDER
    commitment = _encode(_times(nonce, _BASE))
    challenge = _hash(commitment, public_of(seed), content)
    return commitment + ((nonce + challenge * scalar) % _ORDER).to_bytes(32, "little")
