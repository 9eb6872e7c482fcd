"""`kvproof.impl.block_manager.BlockManager` as a target: operations in, outcomes and observations out.

Around the operations it plays the engine (see `kvproof.fuzz.targets.forward_pass`). The simulated device completes
nothing by itself: what completes, and in which order, is decided between the operations, by a mode and a seed or by the
picks of a trace. Bytes are looked at as they will be: the device completes what is pending, is looked at, and goes back
to where it was. That is outside the happens-before record, so looking does not add an order that the program lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kvproof.fuzz.content import BYTES_PER_TOKEN
from kvproof.fuzz.target import Content, Operation, Outcome, Race, Refused, Returned, Step, UnsupportedParameters, Value
from kvproof.fuzz.targets.devices import (
    SCHEDULE_SEED,
    DeviceFactory,
    PoolsFactory,
    cuda_device,
    file_device,
    layered_pools,
    one_pool,
    pool_config,
    random_device,
    simulated_device,
)
from kvproof.fuzz.targets.event_fold import EventFold
from kvproof.fuzz.targets.forward_pass import ForwardPasses
from kvproof.fuzz.targets.token_split import TokenSplit
from kvproof.impl.block_manager import (
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
from kvproof.impl.block_manager import Refused as RefusedByManager
from kvproof.impl.device import Device, FileDevice, Level, Loaded, SimulatedDevice, Stream

__all__ = [
    "RESULT_FIELDS",
    "BlockManagerTarget",
    "DeviceFactory",
    "FilesTarget",
    "ManagerFactory",
    "cuda",
    "files",
    "layered",
    "pool_config",
    "random_device",
    "simulated",
    "simulated_device",
    "two_forward_streams",
]

ManagerFactory = Callable[[PoolConfig, Device, Observer], BlockManager]

RESULT_FIELDS = ("reused", "computed", "full", "partial", "allocated", "onboarded", "new")


def two_forward_streams(manager_type: type[BlockManager]) -> ManagerFactory:
    """Such managers, for an engine whose passes run on the compute and on the execution stream in turn."""
    return partial(manager_type, forward_streams=(Stream.COMPUTE, Stream.EXECUTION))


class BlockManagerTarget:
    """Drives one block manager on one device; see `kvproof.fuzz.target` for the methods.

    Args:
        make_device: the memory; only a simulated device has a schedule.
        make_manager: the implementation.
        make_pools: in which pieces a block lies in memory.
    """

    def __init__(
        self,
        make_device: DeviceFactory,
        make_manager: ManagerFactory = BlockManager,
        make_pools: PoolsFactory = one_pool,
    ) -> None:
        self._make_device = make_device
        self._make_manager = make_manager
        self._make_pools = make_pools
        self._log: list[Step] = []

    def reset(self, parameters: Mapping[str, int]) -> None:
        """See `Target`. Raises UnsupportedParameters for sizes that the pool does not allow."""
        try:
            config = pool_config(parameters, self._make_pools)
        except ValueError as error:
            raise UnsupportedParameters(str(error)) from error
        self._block_tokens = config.tokens_per_block
        self._budgeted = config.chunked
        self._wishes = parameters["ranges_max"] > 0  # without them the prompt of `add` has no retention of its own
        self._split = TokenSplit(parameters["vocabulary"], parameters["extra_ids"])
        self._device = self._make_device(config)
        self._simulated = self._device if isinstance(self._device, SimulatedDevice) else None
        self._log.clear()
        self._races_told = 0
        self._now = 0
        self._applied = 0
        self._paced: tuple[str, int] | None = None
        self._pace = ("eager", 0)
        self._manager = self._make_manager(config, self._device, self._report)
        layers = config.block_bytes // (config.tokens_per_block * BYTES_PER_TOKEN)
        self._passes = ForwardPasses(self._manager, self._device, config.tokens_per_block, layers, self._send)
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
            "pin_path": self._pin,
            "unpin_path": self._unpin,
            "release_subtree": self._on_tokens(self._manager.release_subtree),
            "refresh": self._refresh,
        }

    def close(self) -> None:
        """Nothing outlives the objects."""

    def _report(self, name: str, arguments: tuple[Any, ...]) -> None:
        self._log.append(Step(name, self._split.machine_step(name, arguments)))

    # When pending work completes.

    def pace(self, mode: str, seed: int) -> None:
        """See `kvproof.fuzz.target`."""
        self._paced = (mode, seed)

    def follow(self, picks: Sequence[str]) -> None:
        """See `kvproof.fuzz.target`."""
        self._paced = ("follow", 0)
        if self._simulated is not None:
            self._simulated.follow(picks)

    def schedule(self) -> list[str] | None:
        """See `kvproof.fuzz.target`; None for a device whose work completes when it does."""
        return None if self._simulated is None else self._simulated.taken_picks()

    def schedule_ahead(self) -> list[str]:
        """See `kvproof.fuzz.target`."""
        return [] if self._simulated is None else self._simulated.ahead_picks()

    def apply(self, operation: Operation) -> Outcome:
        """One operation, after a forward pass where one is due; then some of what is pending completes."""
        self._log.clear()
        self._live = None
        self._pace = self._paced or ("drawn", SCHEDULE_SEED + self._applied)
        self._paced = None
        self._applied += 1
        self._passes.prepare(operation.arguments.get("sequence"))
        outcome = self._perform(operation)
        self._fold.take(self._manager.drain_events())
        for step in self._log:
            self._passes.note(step)
        if self._simulated is not None:
            self._simulated.advance(*self._pace)
        return outcome

    def _perform(self, operation: Operation) -> Outcome:
        try:
            return Returned(self._calls[operation.name](**operation.arguments))
        except RefusedByManager as refusal:
            return Refused(refusal.reason)

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
        before = self._manager.block_count(sequence) if self._passes.is_live(sequence) else 0
        self._manager.append_tokens(sequence, token_ids, extra_ids)
        return self._manager.block_count(sequence) - before

    def _pin(self, tokens: tuple[int, ...]) -> int:
        blocks = self._manager.pin(*self._split.parts(tokens))
        self._passes.note_pin(tokens, 1)
        return blocks

    def _unpin(self, tokens: tuple[int, ...]) -> int:
        blocks = self._manager.unpin(*self._split.parts(tokens))
        self._passes.note_pin(tokens, -1)
        return blocks

    def _send(self, tokens: tuple[int, ...]) -> list[Loaded]:
        return self._manager.send_path(*self._split.parts(tokens))

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

    def _look(self) -> Inspection:
        return Inspection(self._manager.snapshot())

    def _sequences(self) -> dict[int, LiveSequence]:
        if self._live is None:
            self._live = self._look().sequences()
        return self._live

    def observe(self) -> dict[str, Any]:
        """What the specification's observation holds; what is cached is told by the events alone."""
        look, path = self._look(), self._split.machine_path
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
        """Every cached block by its path, every block of a sequence by the page table, and what has been read.

        A read is looked at until it has arrived: before that, work that should have waited may still spoil it.
        """
        with self._settled():
            found = self._contents()
        self._passes.forget_arrived()
        return found

    def _contents(self) -> list[Content]:
        device, size, machine_tokens = self._device, self._block_tokens, self._split.machine_tokens
        block = self._passes.block
        found: list[Content] = []
        for cached, place in self._look().locations().items():
            path = machine_tokens(cached)
            where = f"the block cached for {list(path)} ({place.level.name} slot {place.slot})"
            found += block(where, path, (len(path) - 1) // size * size, device.peek(place.level, place.slot))
        for sequence, live in self._sequences().items():
            tokens, written = machine_tokens(live.tokens), min(live.computed, self._passes.written(sequence))
            for position, entry in enumerate(self._manager.page_table(sequence)[: -(-written // size)]):
                level, slot = decode_entry(entry)
                path = tokens[: min((position + 1) * size, written)]
                where = f"block {position} of sequence {sequence} ({level.name} slot {slot})"
                found += block(where, path, position * size, device.peek(level, slot))
        for where, path, start, load in self._passes.reads:
            found += block(where, path, start, load.value())
        return found

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """All pending work is complete, on a simulated device only for as long as it is looked at.

        The order is that of the pace, but for a schedule that is followed: then the oldest goes first, as a trace has all
        that matters in its picks.
        """
        if self._simulated is None:
            self._device._synchronize()  # not `synchronize`: the record must not learn of a wait that is not the program's
            yield
        else:
            mode, seed = self._pace if self._pace[0] != "follow" else ("eager", 0)
            with self._simulated.ahead(mode, seed):
                yield

    def races(self) -> list[Race]:
        """What the device's happens-before check found during this operation."""
        found = self._device.races[self._races_told :]
        self._races_told += len(found)
        return [
            Race(f"{race.second.stream}-{race.second.kind}-after-{race.first.stream}-{race.first.kind}", str(race))
            for race in found
        ]


def _added(result: AdmittedRequest) -> dict[str, int]:
    return {name: getattr(result, name) for name in RESULT_FIELDS}


class FilesTarget(BlockManagerTarget):
    """With the host level in files, in a temporary folder of its own."""

    def __init__(self, make_manager: ManagerFactory = BlockManager, device_type: type[FileDevice] = FileDevice) -> None:
        super().__init__(self._file_device, make_manager)
        self._device_type = device_type
        self._folder: TemporaryDirectory[str] | None = None

    def _file_device(self, config: PoolConfig) -> Device:
        self.close()
        self._folder = TemporaryDirectory(prefix="kvproof-")
        return file_device(config, Path(self._folder.name), self._device_type)

    def close(self) -> None:
        """Remove the folder."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def simulated() -> BlockManagerTarget:
    """The project's own manager on the simulated device: the default target."""
    return BlockManagerTarget(simulated_device, two_forward_streams(BlockManager))


def layered() -> BlockManagerTarget:
    """The same with blocks of three layers in two pools, one of them layer first."""
    return BlockManagerTarget(simulated_device, two_forward_streams(BlockManager), layered_pools)


def files() -> BlockManagerTarget:
    """The same with a file for each host block."""
    return FilesTarget(two_forward_streams(BlockManager))


def cuda() -> BlockManagerTarget:
    """The project's own manager on a GPU, with blocks of three layers in two pools. Raises when there is none."""
    return BlockManagerTarget(cuda_device, two_forward_streams(BlockManager), layered_pools)
