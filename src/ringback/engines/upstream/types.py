"""The types of upstream engine there are."""

from __future__ import annotations

from ringback.engines.upstream import krea
from ringback.engines.upstream.assembling import ProviderType

TYPES: dict[str, ProviderType] = {
    "krea": krea.TYPE,
}
"""By the word that a table's ``type`` has."""
