"""The role of the dispatcher: the senders of webhooks, and the loop that uses them."""

from __future__ import annotations

from functools import partial

from ringback.egress.policy import TargetPolicy
from ringback.egress.transport import ClientSettings
from ringback.egress.webhook_sender import WebhookSender
from ringback.server.factories import dispatching_for
from ringback.server.resources import Resources
from ringback.webhooks.delivery.dispatcher import Dispatcher
from ringback.webhooks.delivery.signed_attempt import SignedSender


class DispatcherRole:
    """Sends deliveries to their receivers."""

    def __init__(self, resources: Resources) -> None:
        settings, store = resources.settings, resources.store
        self._resources = resources
        sending = ClientSettings(
            total_timeout_s=settings.webhook_timeout_s,
            connect_timeout_s=settings.webhook_connect_timeout_s,
            dns_timeout_s=settings.webhook_dns_timeout_s,
            egress_proxy=resources.proxy,
        )
        self.sender = WebhookSender(
            resources.policy,
            settings=sending,
            resolver=resources.resolver,
            ssl_context=resources.trust,
        )
        own = TargetPolicy.operator(own_addresses=resources.policy.own_addresses)
        # The operator trusts its own webhook URL, which may be a private address.
        self.operator_sender = WebhookSender(
            own, settings=sending, resolver=resources.resolver, ssl_context=resources.trust
        )
        signed_sender = SignedSender(
            self.sender, resources.signers, operator_sender=self.operator_sender
        )
        lab = resources.lab
        self.dispatcher = Dispatcher(
            store,
            signed_sender if lab is None else lab.attempter(signed_sender),
            clock=resources.clock,
            rng=resources.rng,
            wakeups=resources.wakeups,
            settings=dispatching_for(settings),
            may_claim=partial(resources.drain_switch.is_open, "dispatcher"),
        )

    def start(self) -> None:
        """Start the loop of the dispatcher."""
        self._resources.loops.start("dispatcher", self.dispatcher.run)

    async def close(self) -> None:
        """Close the connections."""
        await self.sender.close()
        await self.operator_sender.close()
