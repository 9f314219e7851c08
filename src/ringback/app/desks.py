"""The verbs on a store for whoever has no server: the command line."""

from __future__ import annotations

import os

from ringback.app.adapters import ids_for
from ringback.clock import Clock, SystemClock
from ringback.doorbell import Bells
from ringback.errors import SetupError
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
    clock = SystemClock()
    return KeyDesk(store, sealer_for(settings), clock=clock, ids=ids_for(clock))


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
    return DeliveryDesk(store, clock=clock or SystemClock(), bells=bells, caps=caps)


def chore_desk(store: Store) -> ChoreDesk:
    """Return the verbs on the store's chores."""
    clock = SystemClock()
    return ChoreDesk(store, clock=clock, ids=ids_for(clock))


def sealer_for(settings: Settings, *, may_make: bool = True) -> Sealer:
    """Return what seals secrets, or raise ``SetupError``."""
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
