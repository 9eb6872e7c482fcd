"""V2-20-caches: one list of copies for all pools, in the manager that had it."""

from __future__ import annotations

from functools import partial

from kvproof.fuzz.bugs.block_manager.v2_20_one_list_of_copies import OneTaskList
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import COMMITS, ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.page_bytes import layered_plane_pools
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget, simulated_group

BUG = SeededBug(
    id="V2-20-caches",
    title="one list of copies for all pools",
    source="Python sequence caches at b2dd2882",
    mechanism=(
        "The copies of each pool are gathered in a list of its own, but by mistake it is the same list. Every pool carries "
        "out the copies of all, with their sizes and offsets, and overwrites neighbours."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(
        make_device=partial(simulated_group, layout_type=OneTaskList), make_pools=layered_plane_pools
    ),
    seed=9,
    oracles=("content", "crash"),
    parameters={**FULL_ATTENTION, **SHORT_BLOCKS, "primary_slots": 2, "secondary_slots": 2, "caches": 2},
    without=ENDS | COMMITS,
    no_variant="implementation only: addresses are below the specification",
)
