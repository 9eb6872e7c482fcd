"""V2-13: copies that wait for another stream than the executor's."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device, two_forward_streams
from kvproof.impl.block_manager import BlockManager

PassesElsewhere = plant(
    BlockManager,
    Patch(
        "block_manager.transfers",
        old="        self._passes = [self._device.record_event(stream) for stream in self.forward_streams]",
        new="        self._passes = [self._device.record_event(stream) for stream in (Stream.COMPUTE,)]",
    ),
)
"""Takes all kernels to be on the compute stream."""


BUG = SeededBug(
    id="V2-13",
    title="copies that wait for another stream than the executor's",
    source="#13488 #13597",
    mechanism=(
        "The copy streams wait for the compute stream, but an overlap scheduler runs forward passes on a stream of its "
        "own. A block is offloaded before the pass that writes it has run, and host memory keeps stale bytes."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, two_forward_streams(PassesElsewhere)),
    oracles=("race", "content"),
    no_variant="the machine of transfers has the variant V2-13; here copies take no time",
)
