"""M-34: full match does not revoke a release."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.admission import AdmissionControl
from kvproof.impl.block_manager.plan import NO_BLOCK, Plan


class CopiersOnly(AdmissionControl):
    """Knows of copiers only."""

    def choose_modes(self, plans: list[Plan]) -> None:
        super().choose_modes(plans)
        last = {plan.tail: plan for plan in plans}
        for plan in plans:
            if plan.tail != NO_BLOCK and not self._blocks.refs[plan.tail] and last[plan.tail] is plan:
                plan.releases_source = not plan.in_place


ReleaseNotRevoked = plant(BlockManager, parts={AdmissionControl: CopiersOnly})

BUG = SeededBug(
    id="M-34",
    title="full match does not revoke a release",
    source="variant of #13029",
    mechanism=(
        "The last request that copies a block releases it, although another request of the batch reuses the block "
        "in full and has not taken its reference yet. The block is free and in use at once."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, ReleaseNotRevoked),
    oracles=("step", "crash"),
)
