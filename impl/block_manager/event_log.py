"""The log of cache events, filled by the steps that change what is cached, or where.

A block's hash is kept with the block, and an event never asks whether the parent is still there (#3543).
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from kvproof.impl.block_manager.events import Event, Removed, Stored, Updated
from kvproof.impl.block_manager.reuse_tree import ROOT, UNATTACHED
from kvproof.impl.block_manager.tokens import Key
from kvproof.impl.device.interface import Level

HASH_BYTES = 8
ROOT_HASH = bytes(HASH_BYTES)


def chained_hash(parent: bytes, key: Key) -> bytes:
    """The hash of a block with `key` under the block with hash `parent`; the same in every process."""
    packed = b"".join(token.to_bytes(8, "little") for token in key)
    return blake2b(packed, digest_size=HASH_BYTES, key=parent).digest()


class EventLog:
    """The events since they were last drained.

    Args:
        blocks: number of blocks.
        level_of: on which level a block is.
    """

    def __init__(self, blocks: int, level_of: Callable[[int], Level]) -> None:
        self._hash = [ROOT_HASH] * blocks
        self._level_of = level_of
        self._events: list[Event] = []

    def stored(self, block: int, parent: int, key: Key) -> None:
        """`block` was attached under `parent`, a block or ROOT."""
        parent_hash = self.parent_hash(parent)
        self._hash[block] = chained_hash(ROOT_HASH if parent_hash is None else parent_hash, key)
        self._events.append(Stored(_number(self._hash[block]), _optional(parent_hash), key, self._level_of(block)))

    def parent_hash(self, parent: int) -> bytes | None:
        """The hash that children of `parent` chain to."""
        return None if parent in (ROOT, UNATTACHED) else self._hash[parent]

    def removed(self, block: int) -> None:
        """`block` was detached."""
        self._events.append(Removed(_number(self._hash[block])))

    def moved(self, block: int) -> None:
        """The cached `block` has changed its level."""
        self._events.append(Updated(_number(self._hash[block]), self._level_of(block)))

    def drain(self) -> list[Event]:
        """The events, which are then forgotten."""
        events, self._events = self._events, []
        return events


def log_events(steps: Any, log: EventLog, parent: list[int]) -> None:
    """Bind functions that fill `log` over those step methods of `steps` that change what is cached, or where."""
    attach, detach, swap = steps.step_attach, steps.step_detach, steps.step_swap

    def attach_with_event(block: int, above: int, key: Key) -> None:
        attach(block, above, key)
        log.stored(block, above, key)

    def detach_with_event(block: int) -> None:
        detach(block)
        log.removed(block)

    def swap_with_event(a: int, b: int) -> None:
        swap(a, b)
        for block in (a, b):
            if parent[block] != UNATTACHED:
                log.moved(block)

    steps.step_attach, steps.step_detach, steps.step_swap = attach_with_event, detach_with_event, swap_with_event


def _number(digest: bytes) -> int:
    return int.from_bytes(digest, "little")


def _optional(digest: bytes | None) -> int | None:
    return None if digest is None else _number(digest)
