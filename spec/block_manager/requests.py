"""Requests: what a caller asks of a batch, what was planned for it, and what it got."""

from __future__ import annotations

from typing import Annotated

import attrs

from kvproof.spec.block_manager.kinds import (
    Block,
    Chain,
    Chunk,
    Duration,
    Priority,
    Sequence,
    TokenCount,
    Tokens,
)
from kvproof.spec.lang import AtMost, Record


@attrs.frozen
class RetentionRange(Record):
    """A wish: keep the blocks that begin at tokens `start` to `end` - 1 at a priority, for a time."""

    start: TokenCount
    end: TokenCount
    priority: Priority
    duration: Duration


Ranges = Annotated[tuple[RetentionRange, ...], AtMost(lambda p: p.ranges_max)]
"""Retention ranges of one request; where two overlap, the first counts."""


@attrs.frozen
class Request(Record):
    """A prompt to be added, and what the scheduler decided about it."""

    sequence: Sequence
    """The name of the sequence that the prompt opens."""
    tokens: Tokens
    """The prompt."""
    ranges: Ranges
    """Retention of its blocks."""
    decode_priority: Priority | None
    """Retention priority of the blocks that it grows into; None for the default."""
    decode_duration: Duration
    """For how long."""
    chunk: Chunk
    """Tokens that it may compute in this iteration; 0 for the whole prompt."""
    estimated: Chunk
    """Tokens that the scheduler expects to be reused, estimated now or some time ago."""


@attrs.frozen
class Plan(Record):
    """How one request of a batch will be served, decided before anything changes."""

    chain: Chain
    """Blocks that it reuses in full."""
    tail: Block | None
    """The block of which it reuses a part."""
    partial: TokenCount
    """How many tokens of that."""
    reused: TokenCount
    """Tokens reused in all: the position at which its forward pass begins."""
    end: TokenCount
    """The token at which its first chunk ends."""
    in_place: bool
    """Whether it takes the tail over, rather than a copy."""
    releases: bool
    """Whether it is the last that needs the tail, which nothing refers to, as a source of copies."""


@attrs.frozen
class Added(Record):
    """What one request got; the last of a batch's results is their sum."""

    reused: int
    """Tokens whose data were there."""
    computed: int
    """Tokens that have data now."""
    full: int
    """Blocks reused in full."""
    partial: int
    """Tokens of a block reused in part."""
    allocated: int
    """Blocks taken from the free queue: for copies, for onboarding, and new ones."""
    onboarded: int
    """Blocks brought back from the host."""
    new: int
    """Blocks of which nothing was reused."""


Batched = Annotated[tuple[Request, ...], AtMost(lambda p: p.batch_max)]
"""What a caller may ask for at once."""
Requests = Annotated[tuple[Request, ...], AtMost(lambda p: max(1, p.batch_max))]
"""The requests of a batch, in the order in which they are served; a single add is a batch of one, always possible."""
Plans = Annotated[tuple[Plan, ...], AtMost(lambda p: max(1, p.batch_max))]
"""One plan a request."""
Results = Annotated[tuple[Added, ...], AtMost(lambda p: max(1, p.batch_max) + 1)]
"""What each request of a batch got, and last their sum."""
Promised = Annotated[tuple[TokenCount, ...], AtMost(lambda p: max(1, p.batch_max))]
"""For each request of a batch, how many tokens it reuses at least."""
