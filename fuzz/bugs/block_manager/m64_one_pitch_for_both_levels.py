"""M-64: one pitch for both levels of a layer-first pool."""

from __future__ import annotations

from functools import partial

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.fuzz.targets.devices import layered_pools
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.device import Layout, Level


class PrimaryPitch(Layout):
    """Takes the distance between layers from the device's pool on both levels."""

    def pitch(self, pool: int, level: int) -> int:
        del level
        return super().pitch(pool, Level.PRIMARY)


BUG = SeededBug(
    id="M-64",
    title="one pitch for both levels of a layer-first pool",
    source="copyBlock of the transfer manager",
    mechanism=(
        "A block of a layer-first pool is copied with the device pool's distance between layers on both levels. If host "
        "memory has another number of slots, all layers but the first land in other blocks, or beyond the pool."
    ),
    make_target=lambda: BlockManagerTarget(
        partial(simulated_device, layout_type=PrimaryPitch), BlockManager, layered_pools
    ),
    oracles=("content", "crash"),
    no_variant="implementation only: addresses are below the specification",
)
