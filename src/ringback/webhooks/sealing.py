"""Secrets at rest: sealed with a master key, so that the database alone signs nothing.

A sealed secret is ``sealed:v1:KEYID:`` and the base64 of nonce, ciphertext and tag of AES-256-GCM.
All that stands before the base64, and whose secret it is, are authenticated with it: a sealed
secret that is changed, cut, or moved to another owner's row does not open.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringback.errors import SealBroken

_PREFIX = "sealed:v1:"
_KEY_ID_LENGTH = 12
_SEALED = re.compile(rf"({_PREFIX}([0-9a-f]{{{_KEY_ID_LENGTH}}}):)([A-Za-z0-9+/]+={{0,2}})")
_NONCE_BYTES = 12
_MASTER_KEY_BYTES = 32
_PLAIN = ("whsec_", "whsk_")  # how rows of versions that sealed nothing begin


def is_sealed(text: str) -> bool:
    """Say whether this claims to be a sealed secret; only opening it tells whether it is one."""
    return text.startswith(_PREFIX)


def key_id_of(master_key: bytes) -> str:
    """Return the name of a master key, which tells nothing of the key."""
    return hashlib.sha256(b"ringback master key\0" + master_key).hexdigest()[:_KEY_ID_LENGTH]


class Sealer:
    """Seals with the first of its master keys, and opens what any of them sealed."""

    def __init__(
        self,
        master_keys: Sequence[bytes],
        *,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        if not master_keys or any(len(key) != _MASTER_KEY_BYTES for key in master_keys):
            raise ValueError("a sealer needs master keys of 32 bytes")
        self._ciphers = {key_id_of(key): AESGCM(key) for key in master_keys}
        self.key_id = key_id_of(master_keys[0])
        self._random_bytes = random_bytes

    def __repr__(self) -> str:
        return f"Sealer({self.key_id})"

    def seal(self, secret: str, *, owner: str) -> str:
        """Return the secret so that only this owner's row and a master key open it."""
        if is_sealed(secret):
            raise ValueError("this secret is sealed already")
        header = f"{_PREFIX}{self.key_id}:"
        nonce = self._random_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self.key_id].encrypt(nonce, secret.encode(), _bound(header, owner))
        return header + b64encode(nonce + sealed).decode("ascii")

    def unseal(self, sealed: str, *, owner: str) -> str:
        """Return the secret of this owner, or raise ``SealBroken``."""
        match = _SEALED.fullmatch(sealed)
        if match is None:
            raise SealBroken(
                f"A secret of {owner} is not in the form of a sealed one; "
                "restore the database from a backup, or rotate the secret."
            )
        header, key_id, encoded = match.groups()
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SealBroken(
                f"A secret of {owner} was sealed with the master key {key_id}, which is not here; "
                "bring back master.key, or add that key after the first of RINGBACK_MASTER_KEY."
            )
        try:
            raw = _decode(encoded)
            secret = cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound(header, owner))
        except (InvalidTag, ValueError) as exc:
            raise SealBroken(
                f"A sealed secret of {owner} has been changed or is another's; "
                "restore the database from a backup, or rotate the secret."
            ) from exc
        return secret.decode()

    def reseal(self, stored: str, *, owner: str) -> str:
        """Return what should be stored instead: the secret sealed with the first master key.

        It takes what an older master key sealed, and the plain secrets of versions that sealed
        nothing; what is as it should be comes back unchanged. Raises ``SealBroken`` for all else.
        """
        if stored.startswith(_PLAIN):
            return self.seal(stored, owner=owner)
        secret = self.unseal(stored, owner=owner)
        if stored.startswith(f"{_PREFIX}{self.key_id}:"):
            return stored
        return self.seal(secret, owner=owner)


def _bound(header: str, owner: str) -> bytes:
    # The header's length is fixed, so no other header and owner make the same bytes.
    return (header + owner).encode()


def _decode(encoded: str) -> bytes:
    raw = b64decode(encoded, validate=True)
    # Some texts differ only in bits that base64 does not use; one sealed secret has one text.
    if b64encode(raw).decode("ascii") != encoded:
        raise ValueError("not the base64 that was written")
    return raw
