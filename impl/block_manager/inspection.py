"""A look inside a manager, for tests and for driving it beside a model.

Nothing here is fast, and nothing changes anything. Blocks are named by what they hold and where, never by id.
"""

from __future__ import annotations

from attrs import frozen

from kvproof.impl.block_manager.free_queues import NOT_QUEUED
from kvproof.impl.block_manager.manager import BlockManager
from kvproof.impl.block_manager.reuse_tree import ROOT, UNATTACHED
from kvproof.impl.block_manager.tokens import Key
from kvproof.impl.device.interface import Level


@frozen
class FreeBlock:
    """A free block: its retention priority, its path when it is cached, and the ticks until the priority runs out.

    `remaining` is 0 when it does not.
    """

    priority: int
    path: Key | None
    remaining: int


@frozen
class BlockInUse:
    """A referenced or pinned block; `path` is None when it is not cached.

    `pins` counts the pinned paths through it, `pinned` those that end at it. `duration` is how many ticks its priority
    is to last once it is free, 0 for ever.
    """

    path: Key | None
    level: Level
    references: int
    pins: int
    pinned: int
    priority: int
    duration: int


@frozen
class SequenceBlock:
    """One block of a sequence."""

    level: Level
    cached: bool


@frozen
class LiveSequence:
    """A live sequence: its tokens, how many of them are computed, retention of blocks to come, and its blocks."""

    tokens: Key
    computed: int
    decode_priority: int | None
    decode_duration: int
    blocks: tuple[SequenceBlock, ...]


@frozen
class Location:
    """Physical memory: a slot within its level."""

    level: Level
    slot: int


class Inspection:
    """Reads the state of `manager`."""

    def __init__(self, manager: BlockManager) -> None:
        self._manager = manager

    def victim_order(self, level: Level) -> list[FreeBlock]:
        """The free blocks of `level`, next victim first."""
        manager = self._manager
        known: dict[int, Key | None] = {}
        timers, now = manager._expiry.timers, manager._expiry.now
        return [
            FreeBlock(
                manager._priority[block],
                manager._tree.path(block, known),
                timers[block].time - now if block in timers else 0,
            )
            for block in manager._queues.victims(level)
        ]

    def in_use(self) -> list[BlockInUse]:
        """The blocks with references, in no particular order."""
        manager = self._manager
        known: dict[int, Key | None] = {}
        return [
            BlockInUse(
                manager._tree.path(block, known),
                manager._level(block),
                references,
                manager._pins[block],
                manager._pinned[block],
                manager._priority[block],
                manager._duration[block],
            )
            for block, references in enumerate(manager._refs)
            if references
        ]

    def sequences(self) -> dict[int, LiveSequence]:
        """The live sequences by id."""
        manager = self._manager
        return {
            sequence: LiveSequence(
                tuple(live.tokens),
                live.computed,
                live.decode_priority,
                live.decode_duration,
                tuple(
                    SequenceBlock(manager._level(block), manager._tree.parent[block] != UNATTACHED)
                    for block in live.blocks
                ),
            )
            for sequence, live in manager._sequences.items()
        }

    def cached_paths(self) -> list[Key]:
        """The paths of all cached blocks, parents before children."""
        tree = self._manager._tree
        paths: list[Key] = []
        pending: list[tuple[int, Key]] = [(ROOT, ())]
        while pending:
            node, path = pending.pop()
            for key, child in tree.children[node].items():
                paths.append(path + key)
                pending.append((child, path + key))
        return paths

    def cached(self) -> list[tuple[Key, Level]]:
        """The paths of all cached blocks, sorted, each with its block's level."""
        manager = self._manager
        known: dict[int, Key | None] = {}
        found = ((manager._tree.path(block, known), manager._level(block)) for block in range(len(manager._slot)))
        return sorted((path, level) for path, level in found if path is not None)

    def locate(self, path: Key) -> Location | None:
        """Where the block cached under the whole path is; None when it is not cached."""
        manager = self._manager
        block_tokens = manager.config.tokens_per_block
        keys = [path[start : start + block_tokens] for start in range(0, len(path), block_tokens)]
        blocks = manager._tree.match(keys, len(keys))
        return self._location(blocks[-1]) if blocks and len(blocks) == len(keys) else None

    def locate_position(self, sequence: int, index: int) -> Location:
        """Where block `index` of a live sequence is, by the pool and not by the page table."""
        return self._location(self._manager._sequences[sequence].blocks[index])

    def check(self) -> list[str]:
        """What is wrong with the bookkeeping; empty for a sound manager, between operations."""
        manager = self._manager
        found: list[str] = []
        if sorted(manager._slot) != list(range(len(manager._slot))):
            found.append("slots are not a permutation")
        uses = [0] * len(manager._slot)
        for live in manager._sequences.values():
            for block in live.blocks:
                uses[block] += 1
        queued: set[int] = set()
        for level in Level:
            victims = list(manager._queues.victims(level))
            queued.update(victims)
            if len(victims) != manager._queues.counts[level]:
                found.append(f"{level.name}: {len(victims)} queued, {manager._queues.counts[level]} counted")
            found.extend(f"block {b}: queued on the wrong level" for b in victims if manager._level(b) is not level)
        for block, references in enumerate(manager._refs):
            if references != uses[block] + manager._pins[block]:
                found.append(f"block {block}: {references} references, {uses[block]} uses, {manager._pins[block]} pins")
            if (block in queued) == bool(references):
                found.append(f"block {block}: {references} references, queued: {block in queued}")
            if (manager._queues.handle[block] != NOT_QUEUED) != (block in queued):
                found.append(f"block {block}: its handle does not say whether it is queued")
            if block in manager._expiry.timers and block not in queued:
                found.append(f"block {block}: has a timer, but is not queued")
        return found

    def _location(self, block: int) -> Location:
        manager = self._manager
        slot, primary = manager._slot[block], manager.config.primary_blocks
        return Location(Level.PRIMARY, slot) if slot < primary else Location(Level.SECONDARY, slot - primary)
