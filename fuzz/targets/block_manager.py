"""`kvproof.impl.BlockManager` as a target: the adapter plays the engine.

As in an engine, several operations share an iteration: copies are enqueued as they come, then one forward pass reads
what the new sequences reuse and writes the pattern of their new tokens, on the compute stream, at the places that the
page table names. An operation on a sequence whose tokens are still to be written ends the iteration first. Nothing waits
for the device except where the manager says so; bytes are read back outside the happens-before record, so that
looking does not add an order that the program lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kvproof.fuzz.content import BYTES_PER_TOKEN, pattern
from kvproof.fuzz.target import Content, Operation, Outcome, Race, Refused, Returned, Step, UnsupportedParameters
from kvproof.impl import BlockManager, Inspection, Observer, PoolConfig, decode_entry
from kvproof.impl import Refused as RefusedByManager
from kvproof.impl.device import Device, Level, Loaded, SimulatedDevice, Stream

DeviceFactory = Callable[[PoolConfig], Device]
ManagerFactory = Callable[[PoolConfig, Device, Observer], BlockManager]

SCHEDULE_SEED = 12834
"""Seed of the simulated device's schedule: fixed, so that a trace replays exactly."""


ITERATION_OPERATIONS = 12
"""Operations of an iteration, at most. M-57 needs several copies in one: with 4 it takes ten times as long to find."""


class BlockManagerTarget:
    """Drives one block manager on one device; see `kvproof.fuzz.target` for the methods."""

    def __init__(self, make_device: DeviceFactory, make_manager: ManagerFactory = BlockManager) -> None:
        self._make_device = make_device
        self._make_manager = make_manager
        self._log: list[Step] = []

    def reset(self, parameters: Mapping[str, int]) -> None:
        """See `Target`. Raises UnsupportedParameters for sizes that the pool does not allow."""
        self._block_tokens = parameters["tokens_per_block"]
        try:
            config = PoolConfig(
                primary_blocks=parameters["primary_blocks"],
                secondary_blocks=parameters["secondary_blocks"],
                tokens_per_block=self._block_tokens,
                block_bytes=self._block_tokens * BYTES_PER_TOKEN,
                max_sequence_tokens=parameters["max_tokens"],
                default_priority=parameters["default_priority"],
                offload_threshold=parameters["offload_threshold"],
                priorities=parameters["priorities"],
                pins_max=parameters["pins_max"],
            )
        except ValueError as error:
            raise UnsupportedParameters(str(error)) from error
        self._device = self._make_device(config)
        self._log.clear()
        self._written: dict[int, int] = {}
        self._loads: list[tuple[str, tuple[int, ...], int, Loaded]] = []
        self._races_told = 0
        self._in_iteration = 0
        self._unwritten: dict[int, list[int]] = {}
        self._manager = self._make_manager(config, self._device, self._report)
        self._inspection = Inspection(self._manager)
        self._calls: dict[str, Callable[..., int]] = {
            "add": self._add,
            "append": self._append,
            "store": self._manager.store,
            "finish": self._finish,
            "offload": self._offload,
            "pin_path": self._manager.pin,
            "unpin_path": self._manager.unpin,
        }

    def close(self) -> None:
        """Nothing outlives the objects."""

    def _report(self, name: str, arguments: tuple[Any, ...]) -> None:
        self._log.append(Step(name, arguments))

    def apply(self, operation: Operation) -> Outcome:
        """One operation, after or before a forward pass where one is due."""
        self._log.clear()
        self._loads.clear()
        if operation.arguments.get("sequence") in self._unwritten or self._in_iteration >= ITERATION_OPERATIONS:
            self._forward()
        if not self._in_iteration:
            self._manager.begin_iteration()
        self._in_iteration += 1
        try:
            value = self._calls[operation.name](**operation.arguments)
        except RefusedByManager as refusal:
            return Refused(refusal.reason)
        for name, arguments in self._log:
            if name == "write":
                self._unwritten.setdefault(arguments[0], []).append(arguments[1])
                self._device.check_slot(*self._address(arguments[0], arguments[1]))
        return Returned(value)

    def _address(self, sequence: int, position: int) -> tuple[Level, int]:
        return decode_entry(int(self._manager.page_table(sequence)[position]))

    def _forward(self) -> None:
        """End the iteration: the kernels of all sequences with new tokens, which may start once its copies are done."""
        self._manager.end_iteration()
        self._in_iteration = 0
        for sequence, positions in self._unwritten.items():
            self._run_kernel(sequence, positions)
        self._unwritten.clear()

    def _add(self, sequence: int, tokens: tuple[int, ...], priority: int) -> int:
        reused = self._manager.add_sequence(sequence, tokens, priority).reused_tokens
        self._written[sequence] = reused
        return reused

    def _append(self, sequence: int, tokens: tuple[int, ...]) -> int:
        before = self._manager.block_count(sequence) if sequence in self._written else 0
        self._manager.append_tokens(sequence, tokens)
        return self._manager.block_count(sequence) - before

    def _finish(self, sequence: int) -> int:
        stored = self._manager.finish(sequence)
        del self._written[sequence]
        return stored

    def _offload(self, tokens: tuple[int, ...]) -> int:
        self._manager.offload(tokens)
        return 0

    def _run_kernel(self, sequence: int, positions: list[int]) -> None:
        """Attention reads the blocks before the new tokens, then the KV data of those are written."""
        size, device = self._block_tokens, self._device
        tokens = self._inspection.sequences()[sequence].tokens
        table = [decode_entry(entry) for entry in self._manager.page_table(sequence)]
        done = self._written[sequence]
        for position in range(-(-done // size)):
            path = tokens[: min((position + 1) * size, done)]
            load = device.load(Stream.COMPUTE, *table[position])
            self._loads.append((f"block {position} as the kernel of sequence {sequence} read it", path, position, load))
        for position in positions:
            start, end = max(position * size, done), min((position + 1) * size, len(tokens))
            data = pattern(tokens[:end], start)
            device.write(Stream.COMPUTE, *table[position], (start - position * size) * BYTES_PER_TOKEN, data)
        self._written[sequence] = len(tokens)

    def steps(self) -> list[Step]:
        """The manager's step log since this was last asked, that is since the operation began."""
        log, self._log = self._log, []
        return log

    def observe(self) -> dict[str, Any]:
        """What the specification's observation holds; blocks are named by path and level."""
        look = self._inspection
        used = [
            [_listed(block.path), block.level.name, block.references, block.pins, block.priority]
            for block in look.in_use()
        ]
        return {
            "free": {
                level.name: [[block.priority, _listed(block.path)] for block in look.victim_order(level)]
                for level in Level
            },
            "in_use": sorted(used, key=lambda row: (row[0] is not None, row)),
            "sequences": {
                str(sequence): {
                    "tokens": list(live.tokens),
                    "priority": live.priority,
                    "blocks": [[block.level.name, block.cached] for block in live.blocks],
                }
                for sequence, live in look.sequences().items()
            },
        }

    def contents(self) -> list[Content]:
        """Every cached block by its path, every block of a sequence by the page table, and what the kernels read."""
        device, size = self._device, self._block_tokens
        device._synchronize()  # not `synchronize`: the record must not learn of a wait that the program does not do
        found = []
        for path in self._inspection.cached_paths():
            place = self._inspection.locate(path)
            if place is not None:
                where = f"the block cached for {list(path)} ({place.level.name} slot {place.slot})"
                found.append(Content(where, path, len(path) - size, device.peek(place.level, place.slot)))
        for sequence, live in self._inspection.sequences().items():
            unwritten = self._unwritten.get(sequence, ())
            for position, entry in enumerate(self._manager.page_table(sequence)):
                if position in unwritten:
                    continue
                level, slot = decode_entry(entry)
                path = live.tokens[: (position + 1) * size]
                where = f"block {position} of sequence {sequence} ({level.name} slot {slot})"
                found.append(_block(where, path, position * size, device.peek(level, slot)))
        for where, path, position, load in self._loads:
            found.append(_block(where, path, position * size, load.value()))
        return found

    def races(self) -> list[Race]:
        """What the device's happens-before check found during this operation."""
        found = self._device.races[self._races_told :]
        self._races_told += len(found)
        return [
            Race(f"{race.second.stream}-{race.second.kind}-after-{race.first.stream}-{race.first.kind}", str(race))
            for race in found
        ]


def _listed(path: tuple[int, ...] | None) -> list[int] | None:
    return None if path is None else list(path)


def _block(where: str, path: tuple[int, ...], start: int, data: bytes) -> Content:
    """The bytes of the tokens that a block has so far: the rest of it means nothing."""
    return Content(where, path, start, data[: (len(path) - start) * BYTES_PER_TOKEN])


def simulated_device(config: PoolConfig) -> Device:
    """The embedded device, with random completion."""
    return SimulatedDevice(
        config.primary_blocks, config.secondary_blocks, config.block_bytes, schedule="random", seed=SCHEDULE_SEED
    )


def simulated() -> BlockManagerTarget:
    """The project's own manager on the simulated device: the default target."""
    return BlockManagerTarget(simulated_device)


def cuda() -> BlockManagerTarget:
    """The project's own manager on a GPU. Raises when there is none."""
    from kvproof.impl.device.cuda import CudaDevice

    def make_device(config: PoolConfig) -> Device:
        return CudaDevice(config.primary_blocks, config.secondary_blocks, config.block_bytes)

    return BlockManagerTarget(make_device)
