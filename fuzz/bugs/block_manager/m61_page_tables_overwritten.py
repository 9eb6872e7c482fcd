"""M-61: one staging buffer for all page-table uploads."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.page_table_upload import PageTableUpload, Staging


class OneStagingBuffer(PageTableUpload):
    """Writes every table into the same pinned buffer, whether or not its last upload has run."""

    def take_staging(self) -> Staging:
        return self._ring[0] if self._ring else super().take_staging()


OverwrittenTables = plant(BlockManager, parts={PageTableUpload: OneStagingBuffer})


BUG = SeededBug(
    id="M-61",
    title="page tables overwritten before they are uploaded",
    source="#15546 #15349",
    mechanism=(
        "The host runs ahead of the device and writes the next iteration's page tables into the pinned buffer that the "
        "upload of this iteration has still to read. Its kernels then find blocks of other sequences."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, OverwrittenTables),
    oracles=("race", "content"),
    no_variant="implementation only: page tables are below the specification",
)
