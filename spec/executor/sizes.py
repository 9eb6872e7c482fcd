"""The sizes at which the executor is checked by default: two requests that compete for memory, and one of each kind that
makes releasing difficult: drafts in flight, a draft model, scratch, recurrent state."""

from __future__ import annotations

from collections.abc import Mapping

from kvproof.spec.executor.kinds import BALANCE, WAIT, ExecutorParameters


def _sized(primary: int, secondary: int, **others: int) -> ExecutorParameters:
    least = {
        "requests": 2,
        "rows": 1,
        "max_tokens": 2,
        "chunks": 1,
        "tokens_per_block": 1,
        "blocks_max": 2,
        "priorities": 1,
    }
    return ExecutorParameters(primary_slots=primary, secondary_slots=secondary, **{**least, **others})


def _one(primary: int, secondary: int, **others: int) -> ExecutorParameters:
    """One request, of two blocks of two tokens: the smallest with a chunk of several tokens and a block to reuse."""
    return _sized(primary, secondary, **{"requests": 1, "max_tokens": 3, "tokens_per_block": 2, **others})


def _small(primary: int, secondary: int, **others: int) -> ExecutorParameters:
    """Two requests of one block each, for a token of prompt and one generated: the smallest that share a pass."""
    return _sized(primary, secondary, **{"rows": 2, "tokens_per_block": 2, "blocks_max": 1, **others})


def _fuzzed(primary: int, secondary: int, **others: int) -> ExecutorParameters:
    return ExecutorParameters(primary_slots=primary, secondary_slots=secondary, **others)


SIZES: Mapping[str, Mapping[str, ExecutorParameters]] = {
    "induction": {
        "2+1": _sized(2, 1, blocks_max=3, max_tokens=3),
        "2+0, two rows": _sized(2, 0, blocks_max=3, rows=2, max_tokens=1),
        "3+1, balance": _sized(3, 1, rows=2, delay=BALANCE),
        "3+1, waiting": _sized(3, 1, rows=2, max_tokens=3, delay=WAIT, wait_tokens=3, attended_max=1),
        "3+0, drafts in flight": _one(3, 0, blocks_max=3, draft_tokens=1, overlap=1, max_tokens=4),
        "3+0, draft model": _one(3, 0, draft_model=1, chunks=2),
        "4+0, scratch": _one(4, 0, window_tokens=1, scratch_share=1, rewind=1),
        "2+0, recurrent state": _one(2, 0, state_primary=2),
    },
    "bounded": {"2+1": _sized(2, 1)},
    "explore": {
        "1+1": _sized(1, 1, requests=1),
        "2+0": _sized(2, 0, requests=1),
        "1+0, overlap": _sized(1, 0, requests=1, overlap=1),
        "2+1, two tokens a block": _one(2, 1),
        "3+1, drafts in flight": _one(3, 1, blocks_max=3, draft_tokens=1, overlap=1, max_tokens=4),
        "3+1, draft model": _one(3, 1, draft_model=1, chunks=2),
        "4+1, scratch": _one(4, 1, window_tokens=1, scratch_share=1, rewind=1),
        "2+1, recurrent state": _one(2, 1, state_primary=1, state_secondary=1),
        "5+0, scratch in a later chunk": _sized(
            5, 0, requests=1, blocks_max=4, window_tokens=1, scratch_share=1, rewind=1
        ),
        "2+0, one row": _sized(2, 0, max_tokens=3),
        "2+0, two rows": _sized(2, 0, rows=2),
        "2+0, a token a pass": _small(2, 0, max_tokens=1),
        "2+1, two rows": _sized(2, 1, rows=2, max_tokens=1),
        "2+0, balance": _small(2, 0, delay=BALANCE),
        "2+0, waiting": _small(2, 0, delay=WAIT, wait_tokens=3, attended_max=1),
    },
    "variants": {
        "V2-02": _sized(4, 0, requests=1, blocks_max=3, window_tokens=1, scratch_share=1, rewind=1),
        "V2-04": _sized(1, 0, requests=1),
        "V2-06": _sized(1, 0, requests=1, state_primary=1),
        "V2-08": _sized(2, 0, requests=1, blocks_max=3, overlap=1),
        "V2-09": _sized(1, 0, requests=1),
        "V2-15": _sized(2, 0, requests=1),
        "V2-21": _sized(1, 0, requests=1),
        "V2-22": _sized(2, 0, requests=1, draft_model=1, chunks=2),
        "V2-23": _sized(3, 0, requests=1, blocks_max=3, draft_tokens=1),
        "V2-24": _one(2, 0, max_tokens=1),
        "V2-26": _sized(1, 0, requests=1),
        "P-01": _sized(4, 0, requests=1, draft_model=1, chunks=2),
        "P-03": _sized(2, 0, requests=1, blocks_max=3),
        "P-04": _one(3, 0, draft_model=1, chunks=2),
        "P-09": _sized(2, 0, requests=1),
    },
    "fuzz": {
        "small": _fuzzed(4, 2, blocks_max=3, rows=2, max_tokens=6),
        "roomy": _fuzzed(8, 4, requests=4, rows=3, blocks_max=4, draft_tokens=1, overlap=1),
        "no host": _fuzzed(6, 0, blocks_max=4, rows=3),
        "balance": _fuzzed(6, 3, blocks_max=4, requests=4, rows=3, overlap=1, delay=BALANCE, delay_passes=2),
        "waiting": _fuzzed(6, 3, blocks_max=4, requests=4, rows=3, delay=WAIT, attended_max=5),
        "draft model": _fuzzed(10, 4, blocks_max=3, rows=2, draft_model=1, draft_tokens=1, overlap=1, chunks=4),
        "windows": _fuzzed(
            8,
            4,
            blocks_max=5,
            rows=3,
            max_tokens=10,
            window_tokens=2,
            sink_blocks=1,
            scratch_share=2,
            rewind=2,
            overlap=1,
        ),
        "states": _fuzzed(6, 3, blocks_max=4, rows=3, state_primary=2, state_secondary=2, delay=WAIT),
        "everything": _fuzzed(
            8,
            4,
            blocks_max=4,
            requests=4,
            rows=3,
            window_tokens=2,
            window_primary=6,
            window_secondary=3,
            scratch_share=2,
            rewind=2,
            state_primary=3,
            state_secondary=2,
            overlap=1,
            draft_model=1,
            chunks=4,
            delay=BALANCE,
        ),
    },
}
"""Parameter sets by purpose and name; "variants" has the smallest at which each bug shows."""
