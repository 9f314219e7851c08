"""Encrypts secrets at rest with a master key, so that a stolen database alone signs nothing.

A sealed secret is ``sealed:v1:KEYID:`` and the base64 of nonce, ciphertext and tag of AES-256-GCM.
The prefix and the owner are authenticated with the ciphertext: a sealed secret that is changed,
truncated, or moved to another owner's row does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringback.errors import DecryptionFailed

_PREFIX = "sealed:v1:"
_KEY_ID_LENGTH = 12
_SEALED = re.compile(rf"({_PREFIX}([0-9a-f]{{{_KEY_ID_LENGTH}}}):)([A-Za-z0-9+/]+={{0,2}})")
_NONCE_BYTES = 12
_MASTER_KEY_BYTES = 32
_PLAIN = ("whsec_", "whsk_")  # how rows of versions that sealed nothing begin


def is_sealed(text: str) -> bool:
    """Say whether the text has the prefix of a sealed secret."""
    return text.startswith(_PREFIX)


def key_id_of(master_key: bytes) -> str:
    """Return the id of a master key: a hash that reveals nothing of the key."""
    return hashlib.sha256(b"ringback master key\0" + master_key).hexdigest()[:_KEY_ID_LENGTH]


class Sealer:
    """Seals with the first of its master keys, and unseals with any of them."""

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
        self._master_keys = tuple(master_keys)

    def __repr__(self) -> str:
        return f"Sealer({self.key_id})"

    def keys_for(self, purpose: str) -> tuple[bytes, ...]:
        """Return a key of 64 bytes from each master key, in their order, for another purpose.

        Every process that has the master keys derives the same ones.
        """
        label = b"ringback derived key\0" + purpose.encode()
        return tuple(hmac.digest(key, label, "sha512") for key in self._master_keys)

    def seal(self, secret: str, *, owner: str) -> str:
        """Return the secret, encrypted for this owner's row with the first master key."""
        if is_sealed(secret):
            raise ValueError("this secret is sealed already")
        header = f"{_PREFIX}{self.key_id}:"
        nonce = self._random_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self.key_id].encrypt(nonce, secret.encode(), _bound(header, owner))
        return header + b64encode(nonce + sealed).decode("ascii")

    def unseal(self, sealed: str, *, owner: str) -> str:
        """Return the secret of this owner, or raise ``DecryptionFailed``."""
        match = _SEALED.fullmatch(sealed)
        if match is None:
            raise DecryptionFailed(
                f"A secret of {owner} is not in the form of a sealed one; "
                "restore the database from a backup, or rotate the secret."
            )
        header, key_id, encoded = match.groups()
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise DecryptionFailed(
                f"A secret of {owner} was sealed with the master key {key_id}, which is not here; "
                "bring back master.key, or add that key after the first of RINGBACK_MASTER_KEY."
            )
        try:
            raw = _decode(encoded)
            secret = cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound(header, owner))
        except (InvalidTag, ValueError) as exc:
            raise DecryptionFailed(
                f"A sealed secret of {owner} has been changed or is another's; "
                "restore the database from a backup, or rotate the secret."
            ) from exc
        return secret.decode()

    def reseal(self, stored: str, *, owner: str) -> str:
        """Return the secret sealed with the first master key.

        The stored text may be sealed with an older master key, or be a plain secret of a version
        that did not seal. A text sealed with the first key is returned unchanged. Raises
        ``DecryptionFailed`` otherwise.
        """
        if stored.startswith(_PLAIN):
            return self.seal(stored, owner=owner)
        secret = self.unseal(stored, owner=owner)
        if stored.startswith(f"{_PREFIX}{self.key_id}:"):
            return stored
        return self.seal(secret, owner=owner)


def _bound(header: str, owner: str) -> bytes:
    # The header has a fixed length, so no other header and owner give the same bytes.
    return (header + owner).encode()


def _decode(encoded: str) -> bytes:
    raw = b64decode(encoded, validate=True)
    # Base64 ignores some bits of its last letter; this accepts only one text per secret.
    if b64encode(raw).decode("ascii") != encoded:
        raise ValueError("not the base64 that was written")
    return raw
