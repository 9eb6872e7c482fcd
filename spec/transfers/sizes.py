"""The sizes at which the transfers are checked by default.

Contents are only compared, so two of them suffice. What the discipline has to get right needs few slots: every hazard is
between two pieces of work, and a third that stands between them in the tables shows whether what they forget is covered.
"""

from __future__ import annotations

from collections.abc import Mapping

from kvproof.spec.transfers.kinds import TransfersParameters


def _sized(primary: int, secondary: int, works: int, **others: int) -> TransfersParameters:
    least = {"contents": 2, "granules": 1, "moves_max": 1, "forward_streams": 1}
    return TransfersParameters(primary_slots=primary, secondary_slots=secondary, works=works, **{**least, **others})


_EVERYTHING = {"granules": 2, "moves_max": 2, "forward_streams": 2}
"""Torn copies, batches, and two streams of forward passes."""

SIZES: Mapping[str, Mapping[str, TransfersParameters]] = {
    "induction": {
        "1+1, 3 works": _sized(1, 1, 3),
        "2+1, 4 works, batches": _sized(2, 1, 4, moves_max=2),
        "2+2, 5 works, everything": _sized(2, 2, 5, **_EVERYTHING),
        "3+2, 6 works": _sized(3, 2, 6),
    },
    "bounded": {"2+1, 3 works": _sized(2, 1, 3)},
    "explore": {
        "1+1, 2 works": _sized(1, 1, 2),
        "1+1, 2 works, torn copies": _sized(1, 1, 2, granules=2),
        "1+1, 2 works, two streams of forward passes": _sized(1, 1, 2, forward_streams=2),
        "1+1, 2 works, batches": _sized(1, 1, 2, moves_max=2),
        "2+0, 2 works, copies of parts": _sized(2, 0, 2, granules=2),
        "3+0, 2 works, batches": _sized(3, 0, 2, moves_max=2),
        "2+1, 2 works": _sized(2, 1, 2),
    },
    "variants": {
        "M-56": _sized(1, 1, 4),
        "M-57": _sized(2, 2, 3),
        "M-58": _sized(2, 1, 4),
        "M-59": _sized(1, 1, 2),
        "V2-13": _sized(1, 1, 2, forward_streams=2),
        "X-31": _sized(1, 2, 3),
        "X-32": _sized(2, 1, 3),
        "X-33": _sized(1, 1, 2),
        "X-34": _sized(1, 1, 2),
    },
    "fuzz": {
        "small": _sized(2, 1, 4, granules=2, contents=3),
        "tight": _sized(2, 2, 6, granules=2, contents=4, moves_max=2),
        "roomy": TransfersParameters(primary_slots=4, secondary_slots=3, works=10, contents=6, granules=3, moves_max=3),
    },
}
"""Parameter sets by purpose and name; "variants" has the smallest at which each bug shows."""

PURPOSES: Mapping[str, str] = {
    "1+1, 3 works": "every hazard between two pieces of work, and a third that stands between them in the tables",
    "2+1, 4 works, batches": "two copies of one batch, and a forward pass that follows them",
    "2+2, 5 works, everything": "torn copies, batches and two streams of forward passes together, with two slots a level",
    "3+2, 6 works": "copies within device memory beside moves both ways, and three forward passes",
}
"""What each of the sizes for induction is for."""

_NOT_ONTO_ITSELF = "a move of a block onto itself is left out, and two blocks are never in one slot"

UNREACHED: Mapping[str, str] = {
    **{
        f"{pair}: equal": _NOT_ONTO_ITSELF
        for pair in (
            "copy_stream: source and target",
            "order: source_key and target_key",
            "remember: source_key and target_key",
            "submit: source and target",
            "swap: a and b",
            "will_be_equal: one and other",
        )
    },
    "join: stream and other: equal": "a stream is in order with itself, and nobody lets it wait for itself",
    "meets: *: all false": "the rule that asks it holds: nothing is read but what is read when all happens in order",
    "submit: source *: `* is not None` false": "the rule that asks it holds: what touches host memory is a copy",
    "state before: full": "no work comes before itself",
}
"""The goals of depth that nothing can reach, and why."""
