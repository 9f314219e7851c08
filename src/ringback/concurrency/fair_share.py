"""Divides a limited number of slots fairly, so that no key makes the others wait by holding all.

Every resource that workspaces share (attempts in flight, DNS look-ups, fetches, the processes
that read files) uses this one rule. The key is the workspace.
"""

from __future__ import annotations

from collections.abc import Hashable


class FairShare:
    """Counts the slots that each key holds, and decides whether a key may take one. Pure.

    Any key may take any of the ``slots``, even all of them. When all are taken, the slots of
    ``reserve`` remain for keys that hold few: each key may hold an equal part of the reserve,
    divided by all keys that hold a slot, and always one. So a key that holds nothing gets a slot
    at once, even beside a key that holds all of them for long.

    Keys that are marked as slow share half of the reserve. So a fast key gets a slot soon,
    however many slow keys there are.
    """

    __slots__ = ("_held", "_slow", "held_count", "reserve", "slots")

    def __init__(self, slots: int, *, reserve: int = 0) -> None:
        if slots < 1 or reserve < 0:
            raise ValueError("a share needs at least one slot and no negative reserve")
        self.slots = slots
        self.reserve = reserve
        self.held_count = 0
        self._held: dict[Hashable, int] = {}
        self._slow: set[Hashable] = set()

    def held(self, key: Hashable) -> int:
        """Return how many slots the key holds."""
        return self._held.get(key, 0)

    def may_take(self, key: Hashable) -> bool:
        """Say whether a slot is free for the key."""
        return self.free_for(key) > 0

    def free_for(self, key: Hashable) -> int:
        """Return how many slots the key may take now, if no other key takes one."""
        free = max(0, self.slots - self.held_count)
        reserve = -(-self.reserve // 2) if key in self._slow else self.reserve
        free_reserve = reserve - max(0, self.held_count - self.slots)
        if free_reserve <= 0:
            return free
        held = self._held.get(key, 0)
        others = len(self._held) - (held > 0)
        if not others:
            return free  # the reserve is for a second key
        part = max(1, reserve // (others + 1))
        return max(free, min(part - held, free + free_reserve))

    def set_slow(self, key: Hashable, *, is_slow: bool) -> None:
        """Mark whether the key holds its slots for long."""
        (self._slow.add if is_slow else self._slow.discard)(key)

    def full_keys(self) -> list[Hashable]:
        """Return the keys that hold slots and may take none now, if no other key takes one."""
        return [key for key in self._held if not self.may_take(key)]

    def take(self, key: Hashable) -> None:
        """Give the key a slot; call ``may_take`` first."""
        self._held[key] = self._held.get(key, 0) + 1
        self.held_count += 1

    def give_back(self, key: Hashable) -> None:
        """Free one of the key's slots."""
        held = self._held[key] - 1
        if held:
            self._held[key] = held
        else:
            del self._held[key]
        self.held_count -= 1
