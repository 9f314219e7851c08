"""Cursors of the logs: encrypted positions, each for one workspace and one list.

Positions count the events and deliveries of all workspaces in one sequence. A reader of them
could count the traffic of others, so a cursor is the position encrypted and authenticated (AES-SIV,
RFC 5297) together with the list's name and the workspace. The same position has another cursor in
another workspace. A cursor of another workspace or list, or a forged one, is refused.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from ringback.http.pagination import invalid_parameter

PURPOSE = "cursors"
"""The purpose of the cursors' keys, which are derived from the master keys."""
List = Literal["events", "deliveries"]
_LENGTH = 32  # of a tag and a position in base64


class FeedCursors:
    """Seals positions with the first of its keys, and unseals those of any of them.

    The same position of the same list always has the same cursor, so that readers can compare.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = [AESSIV(key) for key in keys]

    def seal(self, seq: int, *, of: List, workspace_id: str) -> str:
        """Return the cursor of a position in a workspace's list."""
        sealed = self._ciphers[0].encrypt(seq.to_bytes(8), _bound(of, workspace_id))
        return urlsafe_b64encode(sealed).decode()

    def unseal(self, cursor: str, *, of: List, workspace_id: str, name: str) -> int:
        """Return the position of a query parameter's cursor, or raise ``InvalidRequest``."""
        for cipher in self._ciphers if len(cursor) == _LENGTH else ():
            with suppress(ValueError, InvalidTag):
                raw = urlsafe_b64decode(cursor.encode("ascii"))
                seq = int.from_bytes(cipher.decrypt(raw, _bound(of, workspace_id)))
                # Decoding is lenient, and this server's cursors have one spelling.
                if urlsafe_b64encode(raw).decode() == cursor:
                    return seq
        raise invalid_parameter(name, "must be a cursor that this route gave to this workspace")


def _bound(of: List, workspace_id: str) -> list[bytes]:
    return [of.encode(), workspace_id.encode()]
