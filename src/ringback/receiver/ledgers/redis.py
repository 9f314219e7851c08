"""A ledger in Redis: as durable as that server is (appendonly yes, appendfsync always)."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from redis import Redis

from ringback.receiver.ledgers.contract import BaseLedger, Held, Receipt

# Redis runs each script atomically. A receipt is a hash; due receipts are in a sorted set by the
# time they are due, or their lease ends.
_ADD = """
if redis.call('hsetnx', KEYS[1], 'receipt', ARGV[1]) == 0 then return 0 end
redis.call('hset', KEYS[1], 'attempts', 0, 'epoch', 0)
redis.call('zadd', KEYS[5], ARGV[2], ARGV[3])
if ARGV[4] == '1' then redis.call('zadd', KEYS[2], ARGV[2], ARGV[3]) end
if ARGV[5] ~= '' then
  redis.call('zrem', KEYS[3], ARGV[5])
end
return 1
"""
_CLAIM = """
local found = {}
for _, key in ipairs(redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1], 'limit', 0, ARGV[3])) do
  local row = ARGV[4] .. key
  redis.call('zadd', KEYS[1], ARGV[2], key)
  local attempts = redis.call('hincrby', row, 'attempts', 1)
  local epoch = redis.call('hincrby', row, 'epoch', 1)
  table.insert(found, {redis.call('hget', row, 'receipt'), attempts, epoch})
end
return found
"""
_SETTLE = """
if redis.call('hget', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
if not redis.call('zscore', KEYS[2], ARGV[2]) then return 0 end
if ARGV[3] == '' then redis.call('zrem', KEYS[2], ARGV[2])
else redis.call('zadd', KEYS[2], ARGV[3], ARGV[2]) end
if ARGV[4] ~= '' then redis.call('hset', KEYS[1], 'error', ARGV[4]) end
return 1
"""
_EXPECT = """
if redis.call('zadd', KEYS[1], 'nx', ARGV[1], ARGV[2]) == 1 then
  redis.call('zadd', KEYS[2], ARGV[1], ARGV[2])
end
return 1
"""
_FORGET = """
local gone = 0
for _, key in ipairs(redis.call('zrangebyscore', KEYS[2], '-inf', '(' .. ARGV[1])) do
  if not redis.call('zscore', KEYS[1], key) then
    redis.call('del', ARGV[2] .. key)
    redis.call('zrem', KEYS[2], key)
    gone = gone + 1
  end
end
for _, id in ipairs(redis.call('zrangebyscore', KEYS[4], '-inf', '(' .. ARGV[1])) do
  redis.call('zrem', KEYS[3], id)
  redis.call('zrem', KEYS[4], id)
end
return gone
"""


class RedisLedger(BaseLedger):
    """``Ledger`` in Redis, under names that begin with ``prefix``."""

    def __init__(self, client: Redis, *, prefix: str = "ringback") -> None:
        # Names in one hash slot, so that a cluster takes them.
        self._rows = f"{{{prefix}}}:receipt:"
        self._due = f"{{{prefix}}}:due"
        self._open = f"{{{prefix}}}:expected:open"
        self._expected = f"{{{prefix}}}:expected"
        self._all = f"{{{prefix}}}:receipts"
        self._client = client
        self._add = client.register_script(_ADD)
        self._claim = client.register_script(_CLAIM)
        self._settle_script = client.register_script(_SETTLE)
        self._expect = client.register_script(_EXPECT)
        self._forget = client.register_script(_FORGET)

    def add(self, receipt: Receipt) -> bool:
        keys = [self._row(receipt.key), self._due, self._open, self._expected, self._all]
        ends = receipt.job_id if receipt.ends_job and receipt.job_id else ""
        arguments: list[str | bytes | int] = [
            msgspec.msgpack.encode(receipt),
            repr(receipt.received_at_s),
            receipt.key,
            "1" if receipt.has_handler else "0",
            ends,
        ]
        return bool(self._add(keys, arguments))

    def claim(self, *, now_s: float, lease_s: float, limit: int) -> list[Held]:
        arguments: list[str | bytes | int] = [repr(now_s), repr(now_s + lease_s), limit, self._rows]
        found = cast("list[Any]", self._claim([self._due], arguments))
        return [
            Held(
                receipt=msgspec.msgpack.decode(content, type=Receipt),
                attempts_count=int(attempts),
                epoch=int(epoch),
            )
            for content, attempts, epoch in found
        ]

    def next_due_s(self) -> float | None:
        first = cast("list[Any]", self._client.zrange(self._due, 0, 0, withscores=True))
        return float(first[0][1]) if first else None

    def expect(self, job_id: str, *, now_s: float) -> None:
        self._expect([self._expected, self._open], [repr(now_s), job_id])

    def expects(self, job_id: str) -> bool:
        return self._client.zscore(self._expected, job_id) is not None

    def overdue(self, *, before_s: float, limit: int) -> list[str]:
        found = self._client.zrangebyscore(self._open, "-inf", f"({before_s!r}", start=0, num=limit)
        return [_text(job_id) for job_id in cast("list[Any]", found)]

    def forget(self, *, before_s: float) -> int:
        keys = [self._due, self._all, self._open, self._expected]
        return int(cast("Any", self._forget(keys, [repr(before_s), self._rows])))

    def _row(self, key: str) -> str:
        return self._rows + key

    def _settle(self, held: Held, due_at_s: float | None, error: str | None = None) -> bool:
        key = held.receipt.key
        due = "" if due_at_s is None else repr(due_at_s)
        arguments: list[str | bytes | int] = [held.epoch, key, due, error or ""]
        return bool(self._settle_script([self._row(key), self._due], arguments))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
