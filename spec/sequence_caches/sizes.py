"""The sizes at which the sequence caches are checked by default: up to four device and two host slots, as V2-01 needs."""

from __future__ import annotations

from collections.abc import Mapping

from kvproof.spec.sequence_caches.kinds import SequenceCachesParameters


def _sized(primary: int, secondary: int, **others: int) -> SequenceCachesParameters:
    least = {"caches": 2, "prompts": 1, "tokens_per_block": 1, "blocks_max": 2, "priorities": 1}
    return SequenceCachesParameters(primary_slots=primary, secondary_slots=secondary, **{**least, **others})


SIZES: Mapping[str, Mapping[str, SequenceCachesParameters]] = {
    "induction": {
        "2+0": _sized(2, 0),
        "2+1": _sized(2, 1),
        "2+2, three caches, two tokens a block": _sized(2, 2, caches=3, tokens_per_block=2, priorities=2),
        "3+2, two texts": _sized(3, 2, prompts=2, blocks_max=3, priorities=2),
        "4+2": _sized(4, 2, blocks_max=3),
    },
    "bounded": {"2+1": _sized(2, 1)},
    "explore": {
        "1+1": _sized(1, 1, blocks_max=1),
        "2+0": _sized(2, 0),
        "2+1": _sized(2, 1),
        "2+1, two tokens a block": _sized(2, 1, tokens_per_block=2),
        "2+2": _sized(2, 2),
        "2+1, two texts": _sized(2, 1, prompts=2),
        "3+1, three blocks": _sized(3, 1, blocks_max=3),
    },
    "variants": {
        "V2-01": _sized(2, 1),
        "V2-01-wedge": _sized(2, 2),
        "V2-03": _sized(2, 2),
        "V2-07": _sized(1, 1, blocks_max=1),
        "Q-01": _sized(2, 1),
        "Q-02": _sized(1, 1, blocks_max=1),
        "Q-03": _sized(1, 1, blocks_max=1),
    },
    "fuzz": {
        "small": _sized(3, 2, tokens_per_block=2, priorities=2),
        "roomy": SequenceCachesParameters(primary_slots=6, secondary_slots=4, caches=4, blocks_max=4, priorities=3),
    },
}
"""Parameter sets by purpose and name; "variants" has the smallest at which each bug shows."""
