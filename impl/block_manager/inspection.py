"""What a snapshot of a manager shows, for tests and for driving it beside a model.

Blocks are named by what they hold and where, never by number.
"""

from __future__ import annotations

from attrs import frozen

from kvproof.impl.block_manager.snapshot import Snapshot
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
    """Reads a snapshot: the manager as it was when that was taken.

    Args:
        snapshot: from `BlockManager.snapshot`.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._state = snapshot
        self._primary = snapshot.config.primary_blocks

    def victim_order(self, level: Level) -> list[FreeBlock]:
        """The free blocks of `level`, next victim first."""
        state = self._state
        return [
            FreeBlock(state.priorities[block], state.paths[block], state.remaining.get(block, 0))
            for block in state.victims[level]
        ]

    def in_use(self) -> list[BlockInUse]:
        """The blocks with references, in no particular order."""
        state = self._state
        return [
            BlockInUse(
                state.paths[block],
                self._level(block),
                references,
                state.pins[block],
                state.pinned[block],
                state.priorities[block],
                state.durations[block],
            )
            for block, references in enumerate(state.references)
            if references
        ]

    def sequences(self) -> dict[int, LiveSequence]:
        """The live sequences by id."""
        paths = self._state.paths
        return {
            sequence: LiveSequence(
                live.tokens,
                live.computed,
                live.decode_priority,
                live.decode_duration,
                tuple(SequenceBlock(self._level(block), paths[block] is not None) for block in live.blocks),
            )
            for sequence, live in self._state.sequences.items()
        }

    def cached(self) -> list[tuple[Key, Level]]:
        """The paths of all cached blocks, sorted, each with its block's level; parents come before children."""
        return sorted((path, self._level(block)) for block, path in enumerate(self._state.paths) if path is not None)

    def cached_paths(self) -> list[Key]:
        """The paths of all cached blocks, parents before children."""
        return list(self.locations())

    def locations(self) -> dict[Key, Location]:
        """Where the cached blocks are, by their whole paths, parents before children."""
        found = sorted((path, block) for block, path in enumerate(self._state.paths) if path is not None)
        return {path: self._location(block) for path, block in found}

    def locate(self, path: Key) -> Location | None:
        """Where the block cached under the whole path is; None when it is not cached."""
        return self.locations().get(path)

    def locate_position(self, sequence: int, index: int) -> Location:
        """Where block `index` of a live sequence is, by the pool and not by the page table."""
        return self._location(self._state.sequences[sequence].blocks[index])

    def check(self) -> list[str]:
        """What is wrong with the bookkeeping; empty for a sound manager."""
        state = self._state
        found: list[str] = []
        if sorted(state.slots) != list(range(len(state.slots))):
            found.append("slots are not a permutation")
        uses = [0] * len(state.slots)
        for live in state.sequences.values():
            for block in live.blocks:
                uses[block] += 1
        queued: set[int] = set()
        for level, victims, count in zip(Level, state.victims, state.free_counts, strict=True):
            queued.update(victims)
            if len(victims) != count:
                found.append(f"{level.name}: {len(victims)} queued, {count} counted")
            found.extend(f"block {b}: queued on the wrong level" for b in victims if self._level(b) is not level)
        for block, references in enumerate(state.references):
            if references != uses[block] + state.pins[block]:
                found.append(f"block {block}: {references} references, {uses[block]} uses, {state.pins[block]} pins")
            if (block in queued) == bool(references):
                found.append(f"block {block}: {references} references, queued: {block in queued}")
            if state.queued[block] != (block in queued):
                found.append(f"block {block}: its handle does not say whether it is queued")
            if block in state.remaining and block not in queued:
                found.append(f"block {block}: has a timer, but is not queued")
        return found

    def _level(self, block: int) -> Level:
        return Level.PRIMARY if self._state.slots[block] < self._primary else Level.SECONDARY

    def _location(self, block: int) -> Location:
        slot, primary = self._state.slots[block], self._primary
        return Location(Level.PRIMARY, slot) if slot < primary else Location(Level.SECONDARY, slot - primary)
