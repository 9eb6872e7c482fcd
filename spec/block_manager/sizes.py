"""The sizes at which the block manager is checked by default, each chosen for what it can show.

With one token a block, everything that needs only whole blocks shows up with the least state; two tokens a block bring the
partly filled last block (an invariant was missing until induction was run there); one device block brings prompts that can
never fit. Two priorities suffice: worth offloading, and not.
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
)


def _sized(primary: int, secondary: int, **others: int) -> BlockManagerParameters:
    return attrs.evolve(_SMALL, primary_blocks=primary, secondary_blocks=secondary, **others)


_M30 = _sized(3, 2, max_tokens=3, sequences=1, priorities=1, default_priority=0, offload_threshold=0, pins_max=0)
"""Two blocks of one chain on the host, and a device full of other data: nothing smaller shows M-30."""

SIZES: Mapping[str, Mapping[str, BlockManagerParameters]] = {
    "induction": {
        "1+2, two tokens a block": _sized(1, 2, tokens_per_block=2, max_tokens=3),
        "2+2": _sized(2, 2),
        "2+2, two tokens a block": _sized(2, 2, tokens_per_block=2, max_tokens=4),
        "3+3": _sized(3, 3),
    },
    "bounded": {"2+1": _sized(2, 1)},
    "explore": {
        "2+1": _sized(2, 1),
        "2+1, two tokens a block": _sized(2, 1, tokens_per_block=2, max_tokens=3, vocabulary=1),
        "3+1, one token": _sized(3, 1, max_tokens=4, vocabulary=1, pins_max=0),
        "2+2": _sized(2, 2),
    },
    "variants": {
        "M-01": _sized(2, 1),
        "M-02": _sized(2, 1),
        "M-03": _sized(2, 1),
        "M-17": _sized(2, 1),
        "M-30": _M30,
    },
    "fuzz": {
        "tiny": _sized(2, 1, tokens_per_block=2, max_tokens=5),
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
        ),
        "roomy": BlockManagerParameters(primary_blocks=6, secondary_blocks=5, sequences=4, max_tokens=10, vocabulary=3),
    },
}
"""Parameter sets by purpose and name; "variants" has the smallest at which each bug shows."""
