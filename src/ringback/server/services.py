"""Builds the services that work on a store, for a server or a command."""

from __future__ import annotations

import os
import secrets
from random import Random

from ringback.clock import Clock
from ringback.errors import SetupError
from ringback.ids import Ids
from ringback.server.lab import moved_clock
from ringback.service.bulk_operations import BulkOperationService
from ringback.service.deliveries import DeliveryService
from ringback.service.secrets import SigningKeyService
from ringback.settings import Settings
from ringback.signing.master_key import FILE, VARIABLE, load_master_keys
from ringback.signing.sealing import Sealer, is_sealed
from ringback.storage.contract import Store
from ringback.wakeups import Wakeups
from ringback.webhooks.explanation import Caps
from ringback.wire.texts import variable_text


async def check_master_key(settings: Settings, store: Store) -> None:
    """Raise ``SetupError`` without the master key that sealed the stored secrets.

    Otherwise new secrets would be sealed with another key, and no single key could open them all.
    """
    for owner, key in await store.all_keys():
        if is_sealed(key.sealed):
            sealer_for(settings, may_make=False).unseal(key.sealed, owner=owner)
            return


async def key_service(settings: Settings, store: Store) -> SigningKeyService:
    """Return the service of the store's signing keys, or raise ``SetupError``."""
    await check_master_key(settings, store)
    clock = moved_clock(store.clock, settings.data)
    return SigningKeyService(store, sealer_for(settings), clock=clock, ids=ids_of(clock))


def sealer_for(settings: Settings, *, may_make: bool = True) -> Sealer:
    """Return the sealer of secrets with the master key, which is created where there is none."""
    # The key is no setting, because settings are printed and may be in a file beside the data.
    text = variable_text(os.environ, VARIABLE)
    if settings.database is not None and text is None and not (settings.data / FILE).exists():
        # A new key would exist on this machine alone.
        raise SetupError(
            f"Servers that share a database share a master key: give it in {VARIABLE} "
            "(make one with: openssl rand -base64 32)."
        )
    keys = load_master_keys(text, directory=settings.data, may_make=may_make)
    return Sealer(keys)


def delivery_service(
    settings: Settings, store: Store, wakeups: Wakeups, clock: Clock | None = None
) -> DeliveryService:
    """Return the service of the store's deliveries."""
    caps = Caps(
        concurrency=settings.webhook_concurrency,
        concurrency_per_destination=settings.webhook_concurrency_per_destination,
        rate=settings.webhook_rate,
        rate_per_destination=settings.webhook_rate_per_destination,
    )
    clock = clock or moved_clock(store.clock, settings.data)
    return DeliveryService(store, clock=clock, wakeups=wakeups, caps=caps)


def bulk_operation_service(settings: Settings, store: Store) -> BulkOperationService:
    """Return the service of the store's bulk operations."""
    clock = moved_clock(store.clock, settings.data)
    return BulkOperationService(store, clock=clock, ids=ids_of(clock))


def ids_of(clock: Clock) -> Ids:
    """Return the generator of unique identifiers."""
    # Ids are names, not secrets: a fast generator will do.
    return Ids(clock.now_ms, Random(secrets.randbits(256)).getrandbits)
