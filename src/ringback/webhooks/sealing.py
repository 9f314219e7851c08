"""Secrets at rest."""

from __future__ import annotations


class Sealer:
    """Seals."""

    def seal(self, secret: str, *, owner: str) -> str:
        """Return the secret as it may be kept."""
        return secret

    def unseal(self, sealed: str, *, owner: str) -> str:
        """Return the secret."""
        return sealed

    def resealed(self, text: str, *, owner: str) -> str | None:
        """Return the text sealed anew, or None."""
        return None
