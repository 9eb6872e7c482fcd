"""`kvproof.impl.BlockManager` as a target: the adapter plays the engine.

As in an engine, several operations share an iteration: copies are enqueued as they come, then one forward pass reads
what is computed so far and writes the pattern of the tokens that the step log says it writes, on the compute stream, at
the places that the page table names. An operation on a sequence whose tokens are still to be written ends the iteration
first. Nothing waits for the device except where the manager says so; bytes are read back outside the happens-before
record, so that looking does not add an order that the program lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kvproof.fuzz.content import BYTES_PER_TOKEN, pattern
from kvproof.fuzz.target import Content, Operation, Outcome, Race, Refused, Returned, Step, UnsupportedParameters, Value
from kvproof.fuzz.targets.event_fold import EventFold
from kvproof.fuzz.targets.token_split import TokenSplit
from kvproof.impl import (
    AdmittedRequest,
    BlockManager,
    Inspection,
    LiveSequence,
    Observer,
    PoolConfig,
    Request,
    RetentionRange,
    decode_entry,
)
from kvproof.impl import Refused as RefusedByManager
from kvproof.impl.device import Device, Level, Loaded, SimulatedDevice, Stream

DeviceFactory = Callable[[PoolConfig], Device]
ManagerFactory = Callable[[PoolConfig, Device, Observer], BlockManager]

SCHEDULE_SEED = 12834
"""Seed of the simulated device's schedule: fixed, so that a trace replays exactly."""


ITERATION_OPERATIONS = 12
"""Operations of an iteration, at most. M-57 needs several copies in one: with 4 it takes ten times as long to find."""

RESULT_FIELDS = ("reused", "computed", "full", "partial", "allocated", "onboarded", "new")


class BlockManagerTarget:
    """Drives one block manager on one device; see `kvproof.fuzz.target` for the methods."""

    def __init__(self, make_device: DeviceFactory, make_manager: ManagerFactory = BlockManager) -> None:
        self._make_device = make_device
        self._make_manager = make_manager
        self._log: list[Step] = []

    def reset(self, parameters: Mapping[str, int]) -> None:
        """See `Target`. Raises UnsupportedParameters for sizes that the pool does not allow."""
        try:
            config = pool_config(parameters)
        except ValueError as error:
            raise UnsupportedParameters(str(error)) from error
        self._block_tokens = config.tokens_per_block
        self._budgeted = config.chunked
        self._wishes = parameters["ranges_max"] > 0  # without them the prompt of `add` has no retention of its own
        self._split = TokenSplit(parameters["vocabulary"], parameters["extra_ids"])
        self._device = self._make_device(config)
        self._log.clear()
        self._tokens: dict[int, tuple[int, ...]] = {}
        self._written: dict[int, int] = {}
        self._loads: list[tuple[str, tuple[int, ...], int, Loaded]] = []
        self._races_told = 0
        self._in_iteration = 0
        self._unwritten: dict[int, list[tuple[int, int]]] = {}
        self._now = 0
        self._manager = self._make_manager(config, self._device, self._report)
        self._inspection = Inspection(self._manager)
        self._fold = EventFold(self._split.machine_tokens)
        self._live: dict[int, LiveSequence] | None = None
        self._calls: dict[str, Callable[..., Value]] = {
            "estimate": self._on_tokens(self._manager.estimate),
            "blocks_needed": self._on_tokens(self._manager.blocks_needed),
            "add": self._add,
            "add_batch": self._add_batch,
            "prefill": self._manager.prefill,
            "append": self._append,
            "rewind": self._manager.rewind,
            "store": self._manager.store,
            "finish": self._manager.finish,
            "offload": self._offload,
            "pin_path": self._on_tokens(self._manager.pin),
            "unpin_path": self._on_tokens(self._manager.unpin),
            "release_subtree": self._on_tokens(self._manager.release_subtree),
            "refresh": self._refresh,
        }

    def close(self) -> None:
        """Nothing outlives the objects."""

    def _report(self, name: str, arguments: tuple[Any, ...]) -> None:
        self._log.append(Step(name, self._split.machine_step(name, arguments)))

    def apply(self, operation: Operation) -> Outcome:
        """One operation, after or before a forward pass where one is due."""
        self._log.clear()
        self._loads.clear()
        self._live = None
        if operation.arguments.get("sequence") in self._unwritten or self._in_iteration >= ITERATION_OPERATIONS:
            self._forward()
        if not self._in_iteration:
            self._manager.begin_iteration()
        self._in_iteration += 1
        try:
            outcome: Outcome = Returned(self._calls[operation.name](**operation.arguments))
        except RefusedByManager as refusal:
            outcome = Refused(refusal.reason)
        self._fold.take(self._manager.drain_events())
        for step in self._log:
            self._note(*step)
        return outcome

    def _note(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Follow what the sequences hold, and what the forward pass is to write."""
        if name == "write":
            sequence, position, end = arguments
            self._unwritten.setdefault(sequence, []).append((position, end))
            self._device.check_slot(*self._address(sequence, position))
        elif name == "begin":
            self._tokens[arguments[0]] = arguments[1]
            self._written[arguments[0]] = 0
        elif name == "extend":
            self._tokens[arguments[0]] += arguments[1]
        elif name == "reuse":
            self._written[arguments[0]] = arguments[1]
        elif name == "truncate":
            sequence, length = arguments
            self._tokens[sequence] = self._tokens[sequence][:length]
            self._written[sequence] = min(self._written[sequence], length)
        elif name == "end":
            del self._tokens[arguments[0]], self._written[arguments[0]]

    def _address(self, sequence: int, position: int) -> tuple[Level, int]:
        return decode_entry(int(self._manager.page_table(sequence)[position]))

    def _forward(self) -> None:
        """End the iteration: the kernels of all sequences with new tokens, which may start once its copies are done."""
        self._manager.end_iteration()
        self._in_iteration = 0
        for sequence, writes in self._unwritten.items():
            self._run_kernel(sequence, writes)
        self._unwritten.clear()

    def _run_kernel(self, sequence: int, writes: list[tuple[int, int]]) -> None:
        """Attention reads the blocks before the new tokens, then the KV data of those are written."""
        size, device, tokens = self._block_tokens, self._device, self._tokens[sequence]
        table = [decode_entry(entry) for entry in self._manager.page_table(sequence)]
        done = self._written[sequence]
        for position in range(-(-done // size)):
            path = tokens[: min((position + 1) * size, done)]
            load = device.load(Stream.COMPUTE, *table[position])
            self._loads.append((f"block {position} as the kernel of sequence {sequence} read it", path, position, load))
        for position, end in writes:
            start = max(position * size, done)
            data = pattern(tokens[:end], start)
            device.write(Stream.COMPUTE, *table[position], (start - position * size) * BYTES_PER_TOKEN, data)
        self._written[sequence] = writes[-1][1]

    # Operations whose call is not simply the manager's.

    def _on_tokens(self, call: Callable[..., int]) -> Callable[[tuple[int, ...]], int]:
        return lambda tokens: call(*self._split.parts(tokens))

    def _add(self, sequence: int, tokens: tuple[int, ...], priority: int) -> int:
        token_ids, extra_ids = self._split.parts(tokens)
        if self._wishes:
            return self._manager.add_sequence(sequence, token_ids, priority, extra_ids).reused_tokens
        alone = Request(sequence=sequence, tokens=token_ids, decode_priority=priority, extra_ids=extra_ids)
        return self._manager.add_sequence_batch([alone]).requests[0].reused

    def _add_batch(self, requests: tuple[dict[str, Value], ...], budget: int) -> Value:
        asked = [self._request(**request) for request in requests]
        admission = self._manager.add_sequence_batch(asked, budget if self._budgeted else None)
        return tuple(map(_added, (*admission.requests, admission.totals)))

    def _request(self, tokens: tuple[int, ...], ranges: tuple[dict[str, int], ...], **others: Any) -> Request:
        token_ids, extra_ids = self._split.parts(tokens)
        retention = tuple(RetentionRange(**each) for each in ranges)
        return Request(tokens=token_ids, extra_ids=extra_ids, ranges=retention, **others)

    def _append(self, sequence: int, tokens: tuple[int, ...]) -> int:
        token_ids, extra_ids = self._split.parts(tokens)
        before = self._manager.block_count(sequence) if sequence in self._tokens else 0
        self._manager.append_tokens(sequence, token_ids, extra_ids)
        return self._manager.block_count(sequence) - before

    def _offload(self, tokens: tuple[int, ...]) -> int:
        self._manager.offload(*self._split.parts(tokens))
        return 0

    def _refresh(self, elapsed: int) -> int:
        self._now += elapsed
        return self._manager.refresh(self._now)

    # What is looked at after an operation.

    def steps(self) -> list[Step]:
        """The manager's step log since this was last asked, that is since the operation began."""
        log, self._log = self._log, []
        return log

    def _sequences(self) -> dict[int, LiveSequence]:
        if self._live is None:
            self._live = self._inspection.sequences()
        return self._live

    def observe(self) -> dict[str, Any]:
        """What the specification's observation holds; what is cached is told by the events alone."""
        look, path = self._inspection, self._split.machine_path
        in_use = [
            [path(block.path), block.level.name, block.references, block.pins, block.priority, block.duration]
            for block in look.in_use()
        ]
        return {
            "free": {
                level.name: [[block.priority, path(block.path), block.remaining] for block in look.victim_order(level)]
                for level in Level
            },
            "used": {level.name: count for level, count in zip(Level, self._manager.used_counts(), strict=True)},
            "cached": self._fold.rows(),
            "in_use": sorted(in_use, key=lambda row: (row[0] is not None, row)),
            "sequences": {
                str(sequence): {
                    "tokens": path(live.tokens),
                    "computed": live.computed,
                    "decode": [live.decode_priority, live.decode_duration],
                    "blocks": [[block.level.name, block.cached] for block in live.blocks],
                }
                for sequence, live in self._sequences().items()
            },
        }

    def contents(self) -> list[Content]:
        """Every cached block by its path, every block of a sequence by the page table, and what the kernels read."""
        device, size, machine_tokens = self._device, self._block_tokens, self._split.machine_tokens
        device._synchronize()  # not `synchronize`: the record must not learn of a wait that the program does not do
        found = []
        for cached in self._inspection.cached_paths():
            place = self._inspection.locate(cached)
            if place is not None:
                path = machine_tokens(cached)
                where = f"the block cached for {list(path)} ({place.level.name} slot {place.slot})"
                start = (len(path) - 1) // size * size
                found.append(_block(where, path, start, device.peek(place.level, place.slot)))
        for sequence, live in self._sequences().items():
            tokens, written = machine_tokens(live.tokens), min(live.computed, self._written.get(sequence, 0))
            for position, entry in enumerate(self._manager.page_table(sequence)[: -(-written // size)]):
                level, slot = decode_entry(entry)
                path = tokens[: min((position + 1) * size, written)]
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


def pool_config(parameters: Mapping[str, int]) -> PoolConfig:
    """The pool that the machine's parameters describe.

    Raises:
        ValueError: the pool does not allow them.
    """
    return PoolConfig(
        primary_blocks=parameters["primary_blocks"],
        secondary_blocks=parameters["secondary_blocks"],
        tokens_per_block=parameters["tokens_per_block"],
        block_bytes=parameters["tokens_per_block"] * BYTES_PER_TOKEN,
        max_sequence_tokens=parameters["max_tokens"],
        default_priority=parameters["default_priority"],
        offload_threshold=parameters["offload_threshold"],
        priorities=parameters["priorities"],
        pins_max=parameters["pins_max"],
        reuse=bool(parameters["reuse"]),
        partial_reuse=bool(parameters["partial_reuse"]),
        copy_on_partial_reuse=bool(parameters["copy_on_partial_reuse"]),
        chunked=parameters["budget_max"] > 0,
        duration_max=parameters["duration_max"],
        events=True,
    )


def _added(result: AdmittedRequest) -> dict[str, int]:
    return {name: getattr(result, name) for name in RESULT_FIELDS}


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
