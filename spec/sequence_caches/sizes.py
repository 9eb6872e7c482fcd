"""The sizes at which the sequence caches are checked by default: up to four device and two host slots, as V2-01 needs."""

from __future__ import annotations

from collections.abc import Mapping

from kvproof.spec.sequence_caches.kinds import SequenceCachesParameters


def _sized(primary: int, secondary: int, **others: int) -> SequenceCachesParameters:
    least = {"caches": 2, "chunks": 1, "tokens_per_block": 1, "blocks_max": 2, "priorities": 1}
    return SequenceCachesParameters(primary_slots=primary, secondary_slots=secondary, **{**least, **others})


SIZES: Mapping[str, Mapping[str, SequenceCachesParameters]] = {
    "induction": {
        "2+0": _sized(2, 0),
        "2+1": _sized(2, 1),
        "2+2, three caches, two tokens a block": _sized(2, 2, caches=3, tokens_per_block=2, priorities=2),
        "2+1, two texts": _sized(2, 1, chunks=2, priorities=2),
        "4+2": _sized(4, 2, blocks_max=3),
        "2+1+1": _sized(2, 1, tertiary_slots=1),
        "3+1, window": _sized(3, 1, window_tokens=2),
        "2+1, window of its own": _sized(2, 1, window_tokens=2, window_primary=2, window_secondary=1),
        "3+1, sinks": _sized(3, 1, window_tokens=1, sink_blocks=1),
        "3+0, scratch": _sized(3, 0, caches=1, blocks_max=3, window_tokens=2, window_primary=2, scratch_share=2),
        "1+1, recurrent state": _sized(1, 1, blocks_max=1, state_primary=2, state_secondary=1),
    },
    "bounded": {"2+1": _sized(2, 1)},
    "explore": {
        "1+1": _sized(1, 1, blocks_max=1),
        "2+0": _sized(2, 0),
        "2+1, one block": _sized(2, 1, blocks_max=1),
        "2+1, one cache, two tokens a block": _sized(2, 1, caches=1, tokens_per_block=2),
        "2+1, one cache, two texts": _sized(2, 1, caches=1, chunks=2),
        "3+1, one cache, window": _sized(3, 1, caches=1, window_tokens=2, blocks_max=3),
        "4+0, window, two caches": _sized(4, 0, window_tokens=2),
        "3+0, one cache, scratch": _sized(
            3, 0, caches=1, window_tokens=2, window_primary=2, scratch_share=2, blocks_max=3
        ),
        "2+1, one block, scratch": _sized(2, 1, blocks_max=1, window_tokens=1, scratch_share=1),
        "2+1, one block, gate at half": _sized(2, 1, blocks_max=1, gate_percent=50),
        "1+1, recurrent state": _sized(1, 1, blocks_max=1, caches=1, state_primary=2, state_secondary=1),
        "1+0, recurrent state, no room": _sized(1, 0, blocks_max=1, caches=1, state_primary=1),
        "1+1+1, one block, two texts": _sized(1, 1, tertiary_slots=1, blocks_max=1, chunks=2),
    },
    "variants": {
        "V2-01": _sized(2, 1),
        "V2-01-wedge": _sized(2, 2),
        "V2-03": _sized(2, 2),
        "V2-05": _sized(2, 1, blocks_max=1, window_tokens=1, scratch_share=1),
        "V2-07": _sized(1, 1, blocks_max=1),
        "V2-10": _sized(3, 0, window_tokens=1, blocks_max=1),
        "V2-17": _sized(2, 0, tokens_per_block=2, blocks_max=1),
        "V2-18": _sized(2, 0, window_tokens=1, blocks_max=1),
        "V2-25": _sized(1, 1, blocks_max=1),
        "Q-01": _sized(2, 1),
        "Q-02": _sized(1, 1, blocks_max=1),
        "Q-03": _sized(1, 1, blocks_max=1),
        "Q-04": _sized(1, 0, state_primary=1, blocks_max=1),
        "Q-05": _sized(1, 0, window_tokens=2, blocks_max=1),
        "Q-06": _sized(3, 0, window_tokens=2, blocks_max=1),
        "Q-07": _sized(1, 1, blocks_max=1),
    },
    "fuzz": {
        "small": _sized(3, 2, tokens_per_block=2, priorities=2),
        "roomy": SequenceCachesParameters(primary_slots=6, secondary_slots=4, caches=4, blocks_max=4, priorities=3),
        "windows": SequenceCachesParameters(
            primary_slots=8, secondary_slots=4, window_tokens=3, sink_blocks=1, scratch_share=2, blocks_max=5
        ),
        "groups": SequenceCachesParameters(
            primary_slots=6,
            secondary_slots=4,
            window_tokens=2,
            window_primary=4,
            window_secondary=2,
            state_primary=3,
            state_secondary=2,
            blocks_max=4,
        ),
    },
}
"""Parameter sets by purpose and name; "variants" has the smallest at which each bug shows."""
