"""M-59: copies that do not wait for forward passes."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

CopiesBesideKernels = plant(
    BlockManager,
    Patch(
        "block_manager.transfers",
        old="        self._passes = [self._device.record_event(stream) for stream in self.forward_streams]",
        new="        self._passes = []",
    ),
)
"""Orders copies among themselves only."""


BUG = SeededBug(
    id="M-59",
    title="copies that do not wait for forward passes",
    source="#9056",
    mechanism=(
        "The copy streams do not wait for kernels that are queued already. An offload then copies a block that its "
        "forward pass has not written yet, or an onboarding overwrites one that is still being read."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, CopiesBesideKernels),
    oracles=("race", "content"),
    no_variant="the machine of transfers has the variant M-59; here copies take no time",
)
