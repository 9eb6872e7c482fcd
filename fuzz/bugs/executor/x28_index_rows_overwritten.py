"""X-28: one staging buffer for the index rows of all passes."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.executor import ExecutorTarget
from kvproof.impl.page_table_upload import PageTableUpload, Staging
from kvproof.impl.sequence_caches import SequenceCaches


class OneStagingBuffer(PageTableUpload):
    """Writes the rows of every pass into the same pinned buffer, whether or not its last upload has run."""

    def take_staging(self) -> Staging:
        return self._ring[0] if self._ring else super().take_staging()


OverwrittenRows = plant(SequenceCaches, parts={PageTableUpload: OneStagingBuffer})


BUG = SeededBug(
    id="X-28",
    title="index rows overwritten before they are uploaded",
    source="#15546, for sequence caches",
    mechanism=(
        "The host schedules the next pass while this one waits for the device, and writes the next index rows into the "
        "pinned buffer that the upload of this pass has still to read. Its kernels then find pages of other requests."
    ),
    machine="executor",
    make_target=lambda: ExecutorTarget(caches_type=OverwrittenRows),
    oracles=("race", "content"),
    parameters={**PLAIN, "overlap": 1},
    without=STAYING,
    no_variant="implementation only: index rows are host memory to the specification",
)
