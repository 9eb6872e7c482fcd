"""M-37: no rollback of half a batch."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.prompts import Plan
from kvproof.impl.device import Level


class RefusedHalfway(BlockManager):
    """Notices that there is no free block when it wants one."""

    def check_admission(self, plans: list[Plan]) -> None:
        """Hope for the best."""

    def take_free(self) -> int:
        if not self._queues.counts[Level.PRIMARY]:
            self._refuse("no-free-blocks", "no free block found")
        return super().take_free()


BUG = SeededBug(
    id="M-37",
    title="no rollback of half a batch",
    source="#12865 (review)",
    mechanism=(
        "Nothing is tested before a batch begins. When blocks run out in its second phase, the error leaves claims "
        "without references and the sequences of the requests before, although the caller is told that the batch "
        "was refused."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, RefusedHalfway),
    oracles=("observation", "step"),
)
