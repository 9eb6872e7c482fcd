"""M-06: metric clamped at zero."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager


class ClampedMetric(BlockManager):
    """Counts a block as free while it is pinned, and reports no less than zero used blocks."""

    def hold(self, block: int) -> None:
        free = self._queues.counts[self._level(block)]
        super().hold(block)
        self._queues.counts[self._level(block)] = free

    def used_counts(self) -> tuple[int, int]:
        """Never below zero, whatever the counts say."""
        primary, secondary = super().used_counts()
        return max(0, primary), max(0, secondary)


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
