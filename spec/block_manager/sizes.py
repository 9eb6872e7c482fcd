"""The sizes at which the block manager is checked by default, each chosen for what it can show.

With one token a block, everything that needs only whole blocks shows up with the least state; two tokens a block bring the
partly filled last block (an invariant was missing until induction was run there); one device block brings prompts that can
never fit. Two priorities suffice: worth offloading, and not. Every further feature is switched on at sizes of its own, and
together with those that it meets.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from kvproof.spec.block_manager.kinds import BlockManagerParameters

_SMALL = BlockManagerParameters(
    primary_blocks=2,
    secondary_blocks=2,
    tokens_per_block=1,
    sequences=2,
    max_tokens=2,
    vocabulary=2,
    priorities=2,
    default_priority=1,
    offload_threshold=1,
    pins_max=1,
    batch_max=0,
)


def _sized(primary: int, secondary: int, **others: int) -> BlockManagerParameters:
    return attrs.evolve(_SMALL, primary_blocks=primary, secondary_blocks=secondary, **others)


_ONE_PRIORITY = {"priorities": 1, "default_priority": 0, "offload_threshold": 0, "ranges_max": 0, "pins_max": 0}
"""Nobody asks for a priority, everything is worth offloading, nothing is pinned: for what needs none of that."""

_CHAINS = {"max_tokens": 3, "vocabulary": 1}
"""The least at which a prompt reuses two whole blocks (its last token is never reused): with chains of one, a first phase
that claims only the first match of a request is right (M-75)."""

_PAIRS = {"tokens_per_block": 2, "max_tokens": 3}
"""The least at which a block can be partly filled."""

SIZES: Mapping[str, Mapping[str, BlockManagerParameters]] = {
    "induction": {
        "1+2, two tokens a block": _sized(1, 2, tokens_per_block=2, max_tokens=3),
        "2+2": _sized(2, 2),
        "2+2, two tokens a block": _sized(2, 2, tokens_per_block=2, max_tokens=4),
        "3+3": _sized(3, 3),
        "2+1, parts of blocks": _sized(2, 1, **_PAIRS, partial_reuse=1),
        "2+2, batches": _sized(2, 2, **_ONE_PRIORITY, batch_max=2),
        "3+0, batches": _sized(3, 0, **_ONE_PRIORITY, batch_max=2),
        "3+0, batches, chains": _sized(3, 0, **_ONE_PRIORITY, **_CHAINS, batch_max=2),
        "2+1, batches, parts": _sized(2, 1, **_ONE_PRIORITY, **_PAIRS, partial_reuse=1, batch_max=2),
        "3+0, batches, parts": _sized(3, 0, **_ONE_PRIORITY, **_PAIRS, vocabulary=1, partial_reuse=1, batch_max=2),
        "2+1, batches, budgets": _sized(2, 1, **_ONE_PRIORITY, batch_max=2, budget_max=2),
        "2+0, batches, budgets, parts": _sized(
            2, 0, **_ONE_PRIORITY, tokens_per_block=2, max_tokens=4, partial_reuse=1, batch_max=2, budget_max=3
        ),
        "2+1, ranges, durations": _sized(2, 1, pins_max=0, batch_max=1, duration_max=1),
        "2+1, parts of free leaves only": _sized(
            2, 1, **_ONE_PRIORITY, **_PAIRS, partial_reuse=1, copy_on_partial_reuse=0
        ),
        "2+1, no reuse": _sized(2, 1, **_ONE_PRIORITY, reuse=0, batch_max=2),
    },
    "bounded": {"2+1": _sized(2, 1)},
    "explore": {
        "2+1": _sized(2, 1),
        "2+1, two tokens a block": _sized(2, 1, tokens_per_block=2, max_tokens=3, vocabulary=1),
        "2+2": _sized(2, 2, **_ONE_PRIORITY),
        "3+0": _sized(3, 0, **_ONE_PRIORITY),
        "2+1, parts of blocks": _sized(2, 1, **_ONE_PRIORITY, **_PAIRS, partial_reuse=1),
        "2+1, batches": _sized(2, 1, **_ONE_PRIORITY, batch_max=2),
        "3+0, batches, chains": _sized(3, 0, **_ONE_PRIORITY, **_CHAINS, batch_max=2),
        "3+0, batches, parts": _sized(3, 0, **_ONE_PRIORITY, **_PAIRS, vocabulary=1, partial_reuse=1, batch_max=2),
        "2+0, budgets": _sized(2, 0, **_ONE_PRIORITY, batch_max=1, budget_max=2),
        "2+0, budgets, two tokens a block": _sized(
            2,
            0,
            **_ONE_PRIORITY,
            tokens_per_block=2,
            max_tokens=4,
            vocabulary=1,
            sequences=1,
            batch_max=1,
            budget_max=4,
        ),
        "1+1, ranges, durations": _sized(1, 1, max_tokens=1, sequences=1, batch_max=1, duration_max=1, pins_max=0),
        "2+1, no reuse": _sized(2, 1, **_ONE_PRIORITY, reuse=0, batch_max=2),
        "1+1, prompts that never fit": _sized(1, 1, **_ONE_PRIORITY, vocabulary=1, batch_max=1),
    },
    "variants": {
        "M-01": _sized(2, 1),
        "M-02": _sized(2, 1),
        "M-03": _sized(2, 1),
        "M-04": _sized(2, 1),
        "M-07": _sized(2, 1),
        "M-11": _sized(2, 1),
        "M-17": _sized(2, 1),
        "M-18": _sized(2, 0),
        "M-19": _sized(2, 1),
        "M-22": _sized(2, 0, **_ONE_PRIORITY, **_PAIRS, partial_reuse=1),
        "M-29": _sized(3, 0, **_ONE_PRIORITY, batch_max=2),
        "M-30": _sized(3, 2, **_ONE_PRIORITY, max_tokens=3, sequences=1),
        "M-31": _sized(2, 0, **_ONE_PRIORITY, **_PAIRS, partial_reuse=1),
        "M-32": _sized(2, 0, **_ONE_PRIORITY, **_PAIRS, partial_reuse=1),
        "M-34": _sized(3, 0, **_ONE_PRIORITY, **_PAIRS, vocabulary=1, partial_reuse=1, batch_max=2),
        "M-37": _sized(1, 0, **_ONE_PRIORITY, batch_max=2),
        "M-38": _sized(2, 1, **_ONE_PRIORITY, **_PAIRS, vocabulary=1, partial_reuse=1),
        "M-44": _sized(2, 1),
        "M-48": _sized(2, 0, **_ONE_PRIORITY),
        "M-51": _sized(3, 0, **_ONE_PRIORITY, max_tokens=3, sequences=1, batch_max=1, budget_max=2),
        "M-53": _sized(2, 0, **_ONE_PRIORITY, batch_max=1, budget_max=2),
        "M-54": _sized(2, 0, **_ONE_PRIORITY, **_PAIRS),
        "M-55": _sized(2, 0, **_ONE_PRIORITY, batch_max=1, budget_max=2),
        "M-75": _sized(3, 0, **_ONE_PRIORITY, **_CHAINS, sequences=1),
    },
    "fuzz": {
        "tiny": _sized(2, 1, tokens_per_block=2, max_tokens=5, partial_reuse=1, batch_max=2, duration_max=2),
        "tight": _sized(
            3,
            2,
            tokens_per_block=2,
            max_tokens=7,
            sequences=3,
            priorities=101,
            default_priority=35,
            offload_threshold=30,
            pins_max=2,
            batch_max=2,
            duration_max=3,
            budget_max=6,
            partial_reuse=1,
            copy_on_partial_reuse=0,
        ),
        "chunked": _sized(
            4, 2, tokens_per_block=2, max_tokens=8, sequences=3, batch_max=3, budget_max=8, partial_reuse=1
        ),
        "roomy": BlockManagerParameters(
            primary_blocks=6,
            secondary_blocks=5,
            sequences=4,
            max_tokens=10,
            vocabulary=4,
            batch_max=3,
            ranges_max=2,
            duration_max=5,
            budget_max=12,
            partial_reuse=1,
            extra_ids=2,
        ),
        "without reuse": _sized(3, 1, tokens_per_block=2, max_tokens=6, batch_max=2, reuse=0),
    },
}
"""Parameter sets by purpose and name; "variants" has the smallest at which each bug shows."""
