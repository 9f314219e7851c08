"""A shop that sells prints: an order becomes a job, and the job's webhook settles the order, once.

    ringback dev                                       # in one terminal; it shows the secret
    RINGBACK_WEBHOOK_SECRET=whsec_… uvicorn shop:app   # in another
    curl -X POST http://127.0.0.1:8000/orders \\
      -H 'content-type: application/json' -d '{"prompt": "a red fox in snow"}'

Whichever of the two is killed at whichever moment, every order is settled exactly once:

- An order is written down before its job is submitted, and its id is the idempotency key: the next
  run of the shop submits again what may not have been, and gets the same job.
- The webhook's receipt and what it does to the order are one transaction.
- A webhook that does not come, for any reason, is made up for by asking.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

from ringback import Ringback
from ringback.receiver import Receiver, WebhookEvent
from ringback.receiver.adapters.starlette import endpoint
from ringback.receiver.ledgers.sql import SqlAlchemyLedger

URL = os.environ.get("SHOP_URL", "http://127.0.0.1:8000")
MODEL = os.environ.get("SHOP_MODEL", "bfl/flux-1-dev")
RECONCILE_EVERY_S = 60

engine = sa.create_engine(
    os.environ.get("SHOP_DB", "sqlite:///shop.db"), connect_args={"timeout": 30}
)
metadata = sa.MetaData()
orders = sa.Table(
    "orders",
    metadata,
    sa.Column("order_id", sa.String(36), primary_key=True),
    sa.Column("prompt", sa.String(1_000), nullable=False),
    sa.Column("state", sa.String(10), nullable=False),  # ordered, paid, fulfilled, refunded
    sa.Column("job_id", sa.String(36), index=True),
    sa.Column("url", sa.String(500)),
)
# One row for each time that an order was settled: the proof that it was once.
settlements = sa.Table(
    "settlements",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("order_id", sa.String(36), nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
)
metadata.create_all(engine)

client = Ringback(max_retries=6)  # an order outlasts a restart of the server
receiver = Receiver(
    os.environ["RINGBACK_WEBHOOK_SECRET"], ledger=SqlAlchemyLedger(engine), expected=True, lease=5.0
)


class NewOrder(BaseModel):
    """What a customer wants."""

    prompt: str = Field(min_length=1, max_length=1_000)


@receiver.on("job.completed", "job.failed", "job.cancelled", transactional=True)
def settle(event: WebhookEvent, connection: sa.Connection) -> None:
    """Fulfil or refund the order of a job that is over."""
    state = "fulfilled" if event.job.status == "completed" else "refunded"
    query = sa.select(orders.c.order_id).where(orders.c.job_id == event.job.job_id)
    order_id = connection.execute(query).scalar_one()
    connection.execute(
        orders.update()
        .where(orders.c.order_id == order_id)
        .values(state=state, url=next(iter(event.job.urls), None))
    )
    connection.execute(settlements.insert().values(order_id=order_id, state=state))


def submit(order_id: str, prompt: str) -> None:
    """Submit an order's job, and note its id; done twice, it is done once."""
    job = client.image(MODEL, prompt=prompt, webhook_url=f"{URL}/webhook", idempotency_key=order_id)
    with engine.begin() as connection:
        connection.execute(
            orders.update()
            .where(orders.c.order_id == order_id, orders.c.job_id.is_(None))
            .values(job_id=job.job_id, state="paid")
        )
        receiver.expect(job.job_id, connection=connection)


def resume() -> None:
    """Submit what an earlier run of the shop may not have submitted."""
    with engine.connect() as connection:
        left = connection.execute(sa.select(orders).where(orders.c.job_id.is_(None))).all()
    for order in left:
        submit(order.order_id, order.prompt)


async def keep_asking() -> None:
    """Make up for webhooks that do not come."""
    while True:
        await asyncio.to_thread(receiver.reconcile, client)
        await asyncio.sleep(RECONCILE_EVERY_S)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Take up what was left, then work until the shop closes."""
    resuming = asyncio.create_task(asyncio.to_thread(resume))
    asking = asyncio.create_task(keep_asking())
    async with receiver.running():
        yield
    asking.cancel()
    await asyncio.gather(resuming, asking, return_exceptions=True)


app = FastAPI(lifespan=lifespan)
app.add_route("/webhook", endpoint(receiver), methods=["POST"])


@app.post("/orders", status_code=201)
def order(new: NewOrder) -> dict[str, str]:
    """Take an order: written down first, submitted then."""
    order_id = str(uuid.uuid4())
    with engine.begin() as connection:
        row = {"order_id": order_id, "prompt": new.prompt, "state": "ordered"}
        connection.execute(orders.insert().values(**row))
    submit(order_id, new.prompt)
    return {"order_id": order_id}


@app.get("/orders/{order_id}")
def show(order_id: str) -> dict[str, Any]:
    """Show how an order stands."""
    with engine.connect() as connection:
        found = connection.execute(sa.select(orders).where(orders.c.order_id == order_id)).first()
    if found is None:
        raise HTTPException(404, "There is no such order.")
    return dict(found._mapping)


@app.get("/books")
def books() -> dict[str, int]:
    """Count orders by their state, and settlements: there is one for each order that is over."""
    with engine.connect() as connection:
        counts = connection.execute(
            sa.select(orders.c.state, sa.func.count()).group_by(orders.c.state)
        ).all()
        settled = connection.execute(sa.select(sa.func.count()).select_from(settlements)).scalar()
        once = connection.execute(
            sa.select(sa.func.count(sa.distinct(settlements.c.order_id)))
        ).scalar()
    return {
        **{state: count for state, count in counts},
        "settlements": settled or 0,
        "settled_orders": once or 0,
    }
