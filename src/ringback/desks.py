"""The verbs on a store's keys, deliveries and chores, put together for a server or a command."""

from __future__ import annotations

import os
import secrets
from random import Random

from ringback.clock import Clock
from ringback.doorbell import Bells
from ringback.errors import SetupError
from ringback.ids import Ids
from ringback.lab.clock import LabClock
from ringback.lab.stepping import kept_ahead_ms
from ringback.service.chores import ChoreDesk
from ringback.service.deliveries import DeliveryDesk
from ringback.service.secrets import KeyDesk
from ringback.settings import Settings
from ringback.storage.contract import Store
from ringback.webhooks.explanation import Caps
from ringback.webhooks.master_key import FILE, VARIABLE, load_master_keys
from ringback.webhooks.sealing import Sealer, is_sealed


async def check_master_key(settings: Settings, store: Store) -> None:
    """Raise ``SetupError`` unless the master key is here that sealed what there is.

    Another one would be made, or seal new secrets, and the two would not open together again.
    """
    for owner, key in await store.all_keys():
        if is_sealed(key.sealed):
            sealer_for(settings, may_make=False).unseal(key.sealed, owner=owner)
            return


async def key_desk(settings: Settings, store: Store) -> KeyDesk:
    """Return the verbs on the store's signing keys, or raise ``SetupError``."""
    await check_master_key(settings, store)
    clock = _clock_beside(settings, store)
    return KeyDesk(store, sealer_for(settings), clock=clock, ids=ids_of(clock))


def sealer_for(settings: Settings, *, may_make: bool = True) -> Sealer:
    """Return what seals secrets with the master key, which is made where there is none."""
    # Not a setting: those are shown, and may stand in a file beside the data.
    text = os.environ.get(VARIABLE)
    if settings.database is not None and text is None and not (settings.data / FILE).exists():
        # One made here would be this machine's alone, and unknown to the others.
        raise SetupError(
            f"Servers that share a database share a master key: give it in {VARIABLE} "
            "(make one with: openssl rand -base64 32)."
        )
    keys = load_master_keys(text, directory=settings.data, may_make=may_make)
    return Sealer(keys)


def delivery_desk(
    settings: Settings, store: Store, bells: Bells, clock: Clock | None = None
) -> DeliveryDesk:
    """Return the verbs on the store's deliveries."""
    caps = Caps(
        concurrency=settings.webhook_concurrency,
        concurrency_per_destination=settings.webhook_concurrency_per_destination,
        rate=settings.webhook_rate,
        rate_per_destination=settings.webhook_rate_per_destination,
    )
    clock = clock or _clock_beside(settings, store)
    return DeliveryDesk(store, clock=clock, bells=bells, caps=caps)


def chore_desk(settings: Settings, store: Store) -> ChoreDesk:
    """Return the verbs on the store's chores."""
    clock = _clock_beside(settings, store)
    return ChoreDesk(store, clock=clock, ids=ids_of(clock))


def _clock_beside(settings: Settings, store: Store) -> Clock:
    """Return the time in which the data live: an emulator's may have been moved on."""
    return LabClock(store.clock, ahead_ms=kept_ahead_ms(settings.data))


def ids_of(clock: Clock) -> Ids:
    """Return what makes identifiers that nobody else makes."""
    # Ids are names, not secrets: a fast generator will do.
    return Ids(clock.now_ms, Random(secrets.randbits(256)).getrandbits)
