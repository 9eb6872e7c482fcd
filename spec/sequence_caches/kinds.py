"""The finite types of the sequence caches, and the parameters on which their sizes depend."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

import attrs

from kvproof.spec.lang import AtMost, Between, Index, Parameters


@attrs.frozen
class StorageParameters(Parameters):
    """Sizes of one manager of sequence caches, all but the number of caches. All counts."""

    primary_slots: int = 4
    """Slots for pages in device memory, at least 1."""
    secondary_slots: int = 2
    """Slots for pages in host memory; 0: there is device memory only."""
    tertiary_slots: int = 0
    """Slots for pages below host memory; 0: host memory is the last level."""
    window_tokens: int = 0
    """Tokens of the sliding window of the second life cycle; 0: there is none."""
    sink_blocks: int = 0
    """First blocks of a sequence that never slide out of the window."""
    window_primary: int = 0
    """Slots for windowed pages in device memory; 0: they share the slots of full attention."""
    window_secondary: int = 0
    """Slots for windowed pages in host memory, if they do not share."""
    scratch_share: int = 0
    """Blocks computed in one scratch slot, layer after layer; 0: every block has a page while it is computed."""
    rewind: int = 0
    """Tokens by which an active cache may still fall back: what their windows need is not scratch."""
    state_primary: int = 0
    """Slots for recurrent states in device memory; 0: the model has none."""
    state_secondary: int = 0
    """Slots for recurrent states in host memory."""
    chunks: int = 2
    """Different contents of a block, at least 1: caches share the blocks of equal texts."""
    tokens_per_block: int = 2
    """Tokens of one block, at least 1."""
    blocks_max: int = 3
    """Blocks of the longest cache, at least 1."""
    priorities: int = 2
    """Eviction priorities, 0 .. priorities - 1, at least 1: lower ones go first."""
    gate_percent: int = 97
    """Utilisation of device memory above which no cache is resumed, in percent, 1 to 100."""

    def __attrs_post_init__(self) -> None:
        positive = ("primary_slots", "chunks", "tokens_per_block", "blocks_max", "priorities", "gate_percent")
        for field in attrs.fields(type(self)):
            value, least = getattr(self, field.name), int(field.name in positive)
            if value < least:
                raise ValueError(f"{field.name} is {value}: it must be at least {least}")
        if self.gate_percent > 100:
            raise ValueError(f"gate_percent is {self.gate_percent}: it must be at most 100, which lets everything pass")
        needs = (
            ("tertiary_slots", "secondary_slots"),
            ("sink_blocks", "window_tokens"),
            ("window_primary", "window_tokens"),
            ("window_secondary", "window_primary"),
            ("scratch_share", "window_tokens"),
            ("rewind", "scratch_share"),
            ("state_secondary", "state_primary"),
        )
        for name, other in needs:
            if getattr(self, name) > 0 and getattr(self, other) == 0:
                raise ValueError(f"{name} is {getattr(self, name)} but {other} is 0: set {other}, or leave {name} out")


@attrs.frozen
class SequenceCachesParameters(StorageParameters):
    """Sizes of one manager of sequence caches. All counts."""

    caches: int = 3
    """Sequence caches that may be open at once, at least 1."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.caches < 1:
            raise ValueError(f"caches is {self.caches}: it must be at least 1")


class Status(IntEnum):
    """What a sequence cache is doing."""

    CLOSED = 0
    """There is no such cache."""
    SUSPENDED = 1
    """It holds its pages, wherever they are."""
    ACTIVE = 2
    """It has the pages that it needs locked in device memory."""


Kind = Annotated[int, Between(0, lambda p: 2 if p.state_primary > 0 else 1 if p.window_tokens > 0 else 0)]
"""A life cycle of pages."""
FULL = 0
"""Full attention: every block of the sequence is needed as long as there is a cache of it."""
WINDOW = 1
"""Attention through a sliding window: a block is needed until it has slid out, and for ever if it is a sink."""
STATE = 2
"""Recurrent state: one page for all tokens so far, and snapshots of it from which other sequences may go on."""

Group = Annotated[int, Between(0, lambda p: 2 if p.state_primary > 0 else 1 if p.window_primary > 0 else 0)]
"""A pool group: pages of one size, with slots of their own on every level. Full attention's is 0, recurrent state's 2;
windowed pages have 1 or share 0."""

Level = Annotated[int, Between(0, lambda p: 2 if p.tertiary_slots > 0 else 1)]
"""Where a page's slot is; warm before cold."""
PRIMARY = 0
"""Device memory."""
SECONDARY = 1
"""Host memory."""
TERTIARY = 2
"""What is below host memory."""


class Page(Index):
    """The data of one block in one life cycle, or a recurrent state. Which slot of its group it has makes no difference.

    Pages are numbered group by group; no group has more pages than slots on all levels.
    """

    @classmethod
    def count(cls, parameters: SequenceCachesParameters) -> int:
        return (
            parameters.primary_slots
            + parameters.secondary_slots
            + parameters.tertiary_slots
            + parameters.window_primary
            + parameters.window_secondary
            + parameters.state_primary
            + parameters.state_secondary
        )


class Cache(Index):
    """A place for one sequence cache."""

    @classmethod
    def count(cls, parameters: SequenceCachesParameters) -> int:
        return parameters.caches


class Chunk(Index):
    """The tokens of one full block."""

    @classmethod
    def count(cls, parameters: SequenceCachesParameters) -> int:
        return parameters.chunks


Text = Annotated[tuple[Chunk, ...], AtMost(lambda p: p.blocks_max)]
"""The full blocks of a sequence from its beginning. Two texts share the blocks up to the first that differs."""

Ordinal = Annotated[int, Between(0, lambda p: p.blocks_max - 1)]
"""The place of a block in its sequence."""


Place = Annotated[
    int,
    Between(0, lambda p: (2 if p.window_tokens > 0 else 1) * p.blocks_max + (2 if p.state_primary > 0 else 0) - 1),
]
"""A place for a page in a cache: the blocks in full attention, then in the window, then the recurrent state, then the
snapshot from which that state will start."""

Priority = Annotated[int, Between(0, lambda p: p.priorities - 1)]
"""Eviction priority: lower goes first."""

TokenCount = Annotated[int, Between(0, lambda p: p.blocks_max * p.tokens_per_block)]
"""A number of tokens of one sequence."""

BlockCount = Annotated[int, Between(0, lambda p: p.blocks_max)]
"""A number of blocks of one sequence."""

CacheCount = Annotated[int, Between(0, lambda p: p.caches)]
"""A number of caches."""

Count = Annotated[int, Between(0, lambda p: Page.count(p))]
"""A number of pages or slots."""

FIRST = Page(0)
"""The first page."""
