"""M-06: metric clamped at zero."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.paths import CachedPaths


class PinnedUncounted(CachedPaths):
    """Counts a block as free while it is pinned."""

    def hold(self, block: int) -> None:
        counts, level = self._blocks.queues.counts, self._blocks.level(block)
        free = counts[level]
        super().hold(block)
        counts[level] = free


ClampedMetric = plant(
    BlockManager,
    Patch(
        "block_manager.manager",
        old="        return slots[Level.PRIMARY] - primary, slots[Level.SECONDARY] - secondary",
        new="        return max(0, slots[Level.PRIMARY] - primary), max(0, slots[Level.SECONDARY] - secondary)",
    ),
    parts={CachedPaths: PinnedUncounted},
)
"""And reports no less than zero used blocks, whatever the counts say."""


BUG = SeededBug(
    id="M-06",
    title="metric clamped at zero",
    source="#11922 (#11879)",
    mechanism=(
        "Pinning leaves the number of free blocks one too high, as in M-02. After the last unpinning there are more "
        "free blocks than blocks, so fewer than none are used, and the metric is cut off at zero where the count "
        "should have been mended."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, ClampedMetric),
    oracles=("observation",),
    no_variant="implementation only: the specification counts the blocks that are in no queue",
)
