"""M-56: copy events keyed by logical block."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.transfers import FORWARD_STREAMS, Batch, Transfers
from kvproof.impl.device import Device, Stream


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

    def order(self, stream: Stream, source_key: int, target_key: int) -> None:
        del source_key, target_key
        pending = self._offloads.pop(self.block, None)
        if stream == Stream.ONBOARD and pending is not None:
            self.wait_for_batch(stream, pending)

    def remember(self, batch: Batch, source_key: int, target_key: int) -> None:
        del source_key, target_key
        if batch.stream == Stream.OFFLOAD:
            self._offloads[self.block] = batch


class LogicalEvents(BlockManager):
    """Tells the transfers block ids."""

    transfers_type = EventsByBlock

    def step_copy(self, source: int, target: int, tokens: int) -> None:
        if isinstance(self._transfers, EventsByBlock):
            self._transfers.block = source
        super().step_copy(source, target, tokens)


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
