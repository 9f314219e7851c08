"""The role of the dispatcher: what sends webhooks, and the loop that has them sent."""

from __future__ import annotations

from random import Random

from ringback.app.ground import Ground
from ringback.assembly import dispatching_for
from ringback.egress.policy import TargetPolicy
from ringback.egress.sender import Sender, SenderSettings
from ringback.webhooks.courier import Courier
from ringback.webhooks.dispatcher import Dispatcher
from ringback.webhooks.faulty import FaultyCarrier


class DispatcherRole:
    """Brings deliveries to their receivers."""

    def __init__(self, ground: Ground) -> None:
        settings, store = ground.settings, ground.store
        self._ground = ground
        sending = SenderSettings(
            total_timeout_s=settings.webhook_timeout_s,
            connect_timeout_s=settings.webhook_connect_timeout_s,
            dns_timeout_s=settings.webhook_dns_timeout_s,
            egress_proxy=ground.proxy,
        )
        self.sender = Sender(ground.policy, settings=sending)
        own = TargetPolicy.operator(own_addresses=ground.policy.own_addresses)
        # The operator's own URL is the operator's to judge: it may well be a private address.
        self.operator_sender = Sender(own, settings=sending)
        courier = Courier(self.sender, ground.book, operator_sender=self.operator_sender)
        lab_clock = ground.lab_clock
        self.dispatcher = Dispatcher(
            store,
            courier if lab_clock is None else FaultyCarrier(courier, lab_clock),
            clock=ground.clock,
            rng=Random(),
            bells=ground.bells,
            settings=dispatching_for(settings),
            may_claim=lambda: ground.gate.is_open("dispatcher"),
        )

    def start(self) -> None:
        """Begin to send."""
        self._ground.loops.start("dispatcher", self.dispatcher.run)

    async def close(self) -> None:
        """Let go of connections."""
        await self.sender.close()
        await self.operator_sender.close()
