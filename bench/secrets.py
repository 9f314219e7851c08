"""Sealing, unsealing and both kinds of signature per second, in one thread; 600-byte bodies."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from time import perf_counter

from ringback.ids import new_key, new_secret
from ringback.signing.ed25519 import Ed25519Signer, new_key_pair
from ringback.signing.sealing import Sealer
from ringback.wire.signature import MessageSigner, Signer, webhook_headers

RUNS = 5
RUN_S = 0.5
BODY = b'{"job_id": "%b"}' % (b"x" * 584)
WEBHOOK_ID = "019358f0-0000-7000-8000-000000000000"
OWNER = "workspace"


def per_second(act: Callable[[], object]) -> float:
    """Return the median rate of calls."""
    return statistics.median(_rate(act) for _ in range(RUNS))


def _rate(act: Callable[[], object]) -> float:
    done = 0
    started = perf_counter()
    while (took_s := perf_counter() - started) < RUN_S:
        for _ in range(100):
            act()
        done += 100
    return done / took_s


def measure() -> dict[str, float]:
    """Return the rates by what is done."""
    sealer = Sealer([new_key()])
    secret, private = new_secret(), new_key_pair().private
    sealed = sealer.seal(secret, owner=OWNER)
    hmac, ed25519 = Signer(secret), Ed25519Signer(private)

    def headers(*signers: MessageSigner) -> Callable[[], object]:
        return lambda: webhook_headers(
            signers, webhook_id=WEBHOOK_ID, timestamp_s=1_700_000_000, body=BODY
        )

    return {
        "seals": per_second(lambda: sealer.seal(secret, owner=OWNER)),
        "unseals": per_second(lambda: sealer.unseal(sealed, owner=OWNER)),
        "v1 headers": per_second(headers(hmac)),
        "v1 + v1 headers": per_second(headers(hmac, hmac)),
        "v1a headers": per_second(headers(ed25519)),
        "v1 + v1a headers": per_second(headers(hmac, ed25519)),
        "Ed25519 keys read": per_second(lambda: Ed25519Signer(private)),
    }


def main() -> None:
    rates = ", ".join(f"{rate:,.0f} {what}/s" for what, rate in measure().items())
    print(f"secrets: {rates}")


if __name__ == "__main__":
    main()
