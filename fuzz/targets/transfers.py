"""`kvproof.impl`'s transfers on the simulated device, as a target of the machine of transfers.

The adapter plays the block manager (which block has which slot) and the engine (forward passes and the page table). It
watches the device: what reaches it, in submissions, events and waits, is the step log, so step validation judges what
the streams were really told and not what the transfers meant to tell them. The schedule is in the operations: nothing
completes but by `complete`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import pack
from typing import Any

from kvproof.fuzz.target import Operation, Outcome, Race, Refused, Returned, Step, Value
from kvproof.fuzz.targets.watched_device import Task, WatchedDevice
from kvproof.impl.block_manager.transfers import Transfers
from kvproof.impl.device import Level, Stream

GRANULE_BYTES = 8
"""Bytes of one granule."""

COPY_STREAMS = (Stream.ONBOARD, Stream.OFFLOAD)
FORWARD_STREAMS = (Stream.COMPUTE, Stream.EXECUTION)
STREAM_NUMBERS = {stream: number for number, stream in enumerate((*COPY_STREAMS, *FORWARD_STREAMS))}
"""Streams as the machine numbers them."""

FRESH = 0
"""The content of memory that nobody has written."""

UNKNOWN = -1
"""What bytes are called that no content has: a part of a granule, or another granule's."""

TransfersFactory = Callable[[WatchedDevice, tuple[Stream, ...]], Transfers]


def granule_bytes(content: int, granule: int) -> bytes:
    """The bytes of a content in a granule; no two granules have the same, so that one in the wrong place is seen."""
    return pack("<Q", (content * 0x9E3779B97F4A7C15 + granule * 0xBF58476D1CE4E5B9 + 1) & (1 << 64) - 1)


class TransfersTarget:
    """Drives one `Transfers` on one device; see `kvproof.fuzz.target` for the methods."""

    def __init__(self, make_transfers: TransfersFactory = Transfers) -> None:
        self._make_transfers = make_transfers

    def reset(self, parameters: Mapping[str, int]) -> None:
        """See `Target`."""
        self._primary, self._granules = parameters["primary_slots"], parameters["granules"]
        slots = self._primary + parameters["secondary_slots"]
        self._works = parameters["works"]
        self._forward_streams = FORWARD_STREAMS[: parameters["forward_streams"]]
        self._device = WatchedDevice(self._primary, parameters["secondary_slots"], self._granules, GRANULE_BYTES)
        self._transfers = self._make_transfers(self._device, self._forward_streams)
        self._slot = list(range(slots))
        self._page_table = list(range(slots))
        self._names: list[dict[bytes, int]] = [
            {granule_bytes(content, granule): content for content in range(1, parameters["contents"])}
            for granule in range(self._granules)
        ]
        for names in self._names:
            names[self._device.fresh_granule] = FRESH
        self._races_told = 0

    def close(self) -> None:
        """Nothing outlives the objects."""

    def apply(self, operation: Operation) -> Outcome:
        """One operation; what the queues or the place of a block do not allow is refused here, as an engine would."""
        self._device.log.clear()
        result: Outcome | Value = getattr(self, f"_{operation.name}")(**operation.arguments)
        return result if isinstance(result, Refused) else Returned(result)

    def _begin_iteration(self) -> None:
        self._transfers.begin_iteration()

    def _end_iteration(self) -> None:
        self._transfers.end_iteration()

    def _move(self, moves: tuple[dict[str, int], ...]) -> Outcome | int:
        if len(self._device.tickets) + len(moves) > self._works:
            return Refused("full")
        made = 0
        for move in moves:
            block, into = move["block"], move["into"]
            if block != into and not (self._on_host(block) and self._on_host(into)):
                self._copy(block, into, move["length"])
                made += 1
        self._transfers.flush()
        return made

    def _copy(self, block: int, into: int, length: int) -> None:
        source, target = self._slot[block], self._slot[into]
        within = self._on_host(block) == self._on_host(into)
        part = length if within and length < self._granules else None
        task = self._device.expect(source, target, part or self._granules)
        self._transfers.copy(source, target, part)
        self._device.asked(task)
        if not within:
            self._slot[block], self._slot[into] = target, source
            self._device.log.append(Step("swap", (block, into)))

    def _forward(self, on: int, reads: int | None, writes: int | None, content: int) -> Outcome | None:
        if len(self._device.tickets) + 2 > self._works:
            return Refused("full")
        if any(block is not None and self._on_host(block) for block in (reads, writes)):
            return Refused("not-on-device")
        self._transfers.end_iteration()
        stream = self._forward_streams[on]
        for other in self._forward_streams:
            if other != stream:
                self._device.wait_event(stream, self._device.record_event(other))
        for block, slot in enumerate(self._slot):
            if self._page_table[block] != slot:
                self._page_table[block] = slot
                self._device.log.append(Step("publish", (block,)))
        if reads is not None:
            self._device.log.append(Step("look_up", (reads,)))
            self._device.load(stream, Level.PRIMARY, self._page_table[reads])
            self._device.record_event(stream)
        if writes is not None:
            data = b"".join(self._bytes(content, granule) for granule in range(self._granules))
            self._device.log.append(Step("look_up", (writes,)))
            self._device.write_content(stream, self._page_table[writes], data, content)
            self._device.record_event(stream)
        return None

    def _complete(self, work: int, granule: int) -> Outcome | tuple[int, ...]:
        task = self._device.tickets.get(work)
        if task is None:
            return Refused("no-such-work")
        if not self._device.may_run(task):
            return Refused("blocked")
        if granule not in task.left:
            return Refused("done")
        data = self._device.run(task, granule)
        return () if data is None else self._contents(data)

    def _read(self, block: int) -> Outcome | tuple[int, ...]:
        if self._device.tickets:
            return Refused("pending")
        return self._contents(self._device.read(*self._place(self._slot[block])))

    def _on_host(self, block: int) -> bool:
        return self._slot[block] >= self._primary

    def _place(self, slot: int) -> tuple[Level, int]:
        return (Level.PRIMARY, slot) if slot < self._primary else (Level.SECONDARY, slot - self._primary)

    def _bytes(self, content: int, granule: int) -> bytes:
        return self._device.fresh_granule if content == FRESH else granule_bytes(content, granule)

    def _contents(self, data: bytes) -> tuple[int, ...]:
        parts = (data[at : at + GRANULE_BYTES] for at in range(0, len(data), GRANULE_BYTES))
        return tuple(names.get(part, UNKNOWN) for names, part in zip(self._names, parts, strict=True))

    # What is looked at after an operation.

    def steps(self) -> list[Step]:
        """What reached the device during the operation, and the changes of slots and page table."""
        return list(self._device.log)

    def observe(self) -> dict[str, Any]:
        """What the specification's observation holds, the memory as it is at this moment."""
        return {
            "slots": list(self._slot),
            "memory": [list(self._contents(self._device.peek(*self._place(slot)))) for slot in range(len(self._slot))],
            "pending": {str(ticket): _row(task) for ticket, task in sorted(self._device.tickets.items())},
        }

    def races(self) -> list[Race]:
        """What the device's happens-before check found during this operation."""
        found = self._device.races[self._races_told :]
        self._races_told += len(found)
        return [
            Race(f"{race.second.stream}-{race.second.kind}-after-{race.first.stream}-{race.first.kind}", str(race))
            for race in found
        ]


def _row(task: Task) -> dict[str, Any]:
    return {
        "stream": task.stream.name,
        "source": task.source,
        "target": task.target,
        "left": sorted(task.left),
    }


def simulated() -> TransfersTarget:
    """The project's own transfers on the simulated device: the default target."""
    return TransfersTarget()
