"""M-56: copy events keyed by logical block."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.transfers import Batch, Transfers
from kvproof.impl.device import Device, Stream
from kvproof.impl.device.forward_streams import FORWARD_STREAMS


class EventsByBlock(Transfers):
    """Remembers per block id the offload that moved it; only an onboarding of the same block waits for it."""

    block = -1
    """The block whose data the copy now being ordered moves."""

    def __init__(self, device: Device, forward_streams: tuple[Stream, ...] = FORWARD_STREAMS) -> None:
        super().__init__(device, forward_streams)
        self._offloads: dict[int, Batch] = {}

    def begin_iteration(self) -> None:
        super().begin_iteration()
        self._offloads.clear()

    def await_source(self, stream: Stream, slot: int) -> None:
        """Nothing: what is to be awaited goes by the block."""

    def await_target(self, stream: Stream, slot: int) -> None:
        del slot
        pending = self._offloads.pop(self.block, None)
        if stream == Stream.ONBOARD and pending is not None:
            self.wait_for_batch(stream, pending)

    def remember_read(self, batch: Batch, slot: int) -> None:
        """Nothing: a copy is entered once, as that of its block."""

    def remember_write(self, batch: Batch, slot: int) -> None:
        del slot
        if batch.stream == Stream.OFFLOAD:
            self._offloads[self.block] = batch


LogicalEvents = plant(
    BlockManager,
    Patch(
        "block_manager.blocks",
        old="        whole = tokens == self._block_tokens",
        new="""
        self.transfers.block = source
        whole = tokens == self._block_tokens
""",
    ),
    parts={Transfers: EventsByBlock},
)
"""Tells the transfers block ids."""


BUG = SeededBug(
    id="M-56",
    title="copy events keyed by block id",
    source="#9056 (#8813 #8274 #9295)",
    mechanism=(
        "An onboarding waits only for the offload of the same block. Taking its slot offloads another block from there, "
        "and both copies run at once: the host copy may get the new content, tokens of another prompt."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, LogicalEvents),
    oracles=("race", "content"),
    no_variant="the machine of transfers has the variant M-56; here copies take no time",
)
