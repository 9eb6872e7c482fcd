"""What an engine asks of a batch, and what it is told of it.

The answers are made for every request of every batch: named tuples take a third of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from attrs import frozen


@frozen
class RetentionRange:
    """How the blocks that begin in a range of the prompt's tokens are retained.

    Attributes:
        start, end: tokens start..end-1 of the prompt.
        priority: their retention priority.
        duration: ticks that the priority lasts once a block is free; 0 means for ever.
    """

    start: int
    end: int
    priority: int
    duration: int = 0


@frozen
class Request:
    """One prompt of a batch.

    Attributes:
        sequence: any id that is not live.
        tokens: token ids of the prompt.
        ranges: retention; the first range that a block begins in counts. Outside all, a new block gets the pool's
            default priority and a reused one keeps its own.
        decode_priority, decode_duration: retention of the blocks that are appended later; None is the default priority.
        chunk: prefill at most about so many tokens now, ending at a block's end; 0 means the whole prompt.
        estimated: tokens that the scheduler expected to be reused when it charged this request to the token budget.
        extra_ids: one a token, 0 for none; see `kvproof.impl.block_manager.tokens`.
    """

    sequence: int
    tokens: Sequence[int]
    ranges: tuple[RetentionRange, ...] = ()
    decode_priority: int | None = None
    decode_duration: int = 0
    chunk: int = 0
    estimated: int = 0
    extra_ids: Sequence[int] | None = None


class AdmittedRequest(NamedTuple):
    """What became of one request, or of a whole batch.

    Attributes:
        reused: tokens whose KV data were found cached, those of a partly matched block included.
        computed: tokens whose KV data are there after the next forward pass.
        full: whole blocks matched.
        partial: tokens matched of one further block.
        allocated: blocks taken from the free queues, those that onboarding needs included.
        onboarded: blocks copied from host memory.
        new: blocks beyond those matched, wholly or partly.
    """

    reused: int
    computed: int
    full: int
    partial: int
    allocated: int
    onboarded: int
    new: int


class BatchAdmission(NamedTuple):
    """How a batch was admitted: its requests in order, and their totals as the manager's running totals tell them."""

    requests: tuple[AdmittedRequest, ...]
    totals: AdmittedRequest


class Admission(NamedTuple):
    """How a single prompt was admitted.

    Attributes:
        reused_tokens: tokens at its start whose KV data are there already; never the whole prompt.
        new_positions: block positions that the forward pass must write.
    """

    reused_tokens: int
    new_positions: range
