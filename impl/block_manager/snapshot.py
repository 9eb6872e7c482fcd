"""All that a manager knows at one moment, copied: for tests, and for driving it beside a model.

Blocks have numbers here, which mean nothing outside; `inspection` names them by what they hold and where.
"""

from __future__ import annotations

from attrs import frozen

from kvproof.impl.block_manager.blocks import Blocks
from kvproof.impl.block_manager.config import PoolConfig
from kvproof.impl.block_manager.free_queues import NOT_QUEUED
from kvproof.impl.block_manager.tokens import Key
from kvproof.impl.device.interface import Level


@frozen
class SequenceSnapshot:
    """A live sequence: its joined tokens, how many are computed, retention of blocks to come, and its blocks in order."""

    tokens: Key
    computed: int
    decode_priority: int | None
    decode_duration: int
    blocks: tuple[int, ...]


@frozen
class Snapshot:
    """The state of a manager between two operations.

    Attributes:
        config: sizes and policies.
        slots: per block, where it is: PRIMARY slots first, then SECONDARY.
        references: per block, uses by sequences and pins together.
        pins: per block, pinned paths through it.
        pinned: per block, pinned paths that end at it.
        priorities: per block, its retention priority.
        durations: per block, how many ticks its priority is to last once it is free; 0 for ever.
        paths: per block, all tokens from the root to its end; None when it is not cached.
        queued: per block, whether it believes itself to be in a free queue.
        victims: per level, the blocks in its free queues, next victim first.
        free_counts: per level, how many blocks its free queues count.
        remaining: ticks until the priority of a block runs out, for those with a timer.
        sequences: the live ones by id.
    """

    config: PoolConfig
    slots: tuple[int, ...]
    references: tuple[int, ...]
    pins: tuple[int, ...]
    pinned: tuple[int, ...]
    priorities: tuple[int, ...]
    durations: tuple[int, ...]
    paths: tuple[Key | None, ...]
    queued: tuple[bool, ...]
    victims: tuple[tuple[int, ...], ...]
    free_counts: tuple[int, ...]
    remaining: dict[int, int]
    sequences: dict[int, SequenceSnapshot]


def take_snapshot(blocks: Blocks) -> Snapshot:
    """What `blocks` know now; takes time in proportion to all of it."""
    known: dict[int, Key | None] = {}
    expiry = blocks.expiry
    return Snapshot(
        config=blocks.config,
        slots=tuple(blocks.slot),
        references=tuple(blocks.refs),
        pins=tuple(blocks.pins),
        pinned=tuple(blocks.pinned),
        priorities=tuple(blocks.priority),
        durations=tuple(blocks.duration),
        paths=tuple([blocks.tree.path(block, known) for block in range(len(blocks.slot))]),
        queued=tuple([handle != NOT_QUEUED for handle in blocks.handle]),
        victims=tuple([tuple(blocks.queues.victims(level)) for level in Level]),
        free_counts=tuple(blocks.queues.counts),
        remaining={block: timer.time - expiry.now for block, timer in expiry.timers.items()},
        sequences={
            sequence: SequenceSnapshot(
                tuple(live.tokens), live.computed, live.decode_priority, live.decode_duration, tuple(live.blocks)
            )
            for sequence, live in blocks.sequences.items()
        },
    )
