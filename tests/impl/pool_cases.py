"""Small pools for the tests of the block manager: how to make one, use it and look at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from kvproof.impl.block_manager import (
    AdmittedRequest,
    BlockManager,
    Event,
    Inspection,
    PoolConfig,
    Refused,
    Removed,
    Request,
    Stored,
    decode_entry,
)
from kvproof.impl.device import Device, Level, Loaded, ScheduleName, SimulatedDevice, Stream

BLOCK_BYTES = 8


class Pool:
    """A manager with 2-token blocks, its step log, and an engine that reads and writes.

    The device is a simulated one unless another is passed.
    """

    def __init__(
        self,
        primary: int,
        secondary: int = 0,
        *,
        manager_type: type[BlockManager] = BlockManager,
        schedule: ScheduleName = "eager",
        seed: int = 0,
        device: Device | None = None,
        **config: Any,
    ) -> None:
        sizes = {"max_sequence_tokens": 64, "tokens_per_block": 2, "block_bytes": BLOCK_BYTES, **config}
        self.config = PoolConfig(primary_blocks=primary, secondary_blocks=secondary, **sizes)
        if device is None:
            device = SimulatedDevice(
                primary,
                secondary,
                self.config.block_bytes,
                pools=self.config.block_pools,
                tokens_per_block=self.config.tokens_per_block,
                schedule=schedule,
                seed=seed,
            )
        self.device = device
        self._width = self.config.block_bytes // self.config.tokens_per_block
        self.steps: list[tuple[Any, ...]] = []
        self.manager = manager_type(self.config, self.device, lambda name, args: self.steps.append((name, *args)))
        self._computed: dict[int, int] = {}
        self._unread = 0
        self.time = 0
        self._reads: list[tuple[str, bytes, Loaded]] = []

    @property
    def inspection(self) -> Inspection:
        """A look at the manager as it is now."""
        return Inspection(self.manager.snapshot())

    def iterate(self, operation: str, *arguments: Any) -> Any:
        """One operation in an iteration of its own, with its forward pass; returns what the operation does."""
        self.manager.begin_iteration()
        result = getattr(self.manager, operation)(*arguments)
        self.manager.end_iteration()
        self.forward()
        return result

    def add(self, sequence: int, tokens: Sequence[int], priority: int | None = None) -> int:
        """Add a prompt and run its forward pass; returns the tokens reused."""
        reused: int = self.iterate("add_sequence", sequence, tokens, priority).reused_tokens
        return reused

    def batch(self, *requests: Request, budget: int | None = None) -> list[AdmittedRequest]:
        """Add a batch and run its forward pass; returns what became of the requests."""
        return list(self.iterate("add_sequence_batch", requests, budget).requests)

    def append(self, sequence: int, tokens: list[int]) -> range:
        """Append tokens and run their forward pass; returns the positions written."""
        positions: range = self.iterate("append_tokens", sequence, tokens)
        return positions

    def offload(self, tokens: Sequence[int]) -> None:
        """Offload in an iteration of its own."""
        self.iterate("offload", tokens)

    def rewind(self, sequence: int, count: int) -> int:
        """Take tokens back; returns how many blocks went."""
        blocks: int = self.iterate("rewind", sequence, count)
        return blocks

    def cache(self, sequence: int, tokens: Sequence[int], priority: int | None = None) -> None:
        """Add and finish, so that the full blocks of `tokens` are cached and free."""
        self.add(sequence, tokens, priority)
        self.manager.finish(sequence)

    def forward(self) -> None:
        """The engine's kernels: read what each sequence has, then write what the step log announces.

        Everything goes to where the page table says.
        """
        live = self.inspection.sequences()
        for step in self.steps[self._unread :]:
            if step[0] in ("reuse", "truncate"):
                self._computed[step[1]] = step[2]
        for step in self.steps[self._unread :]:
            if step[0] != "write":
                continue
            _, sequence, position, end = step
            size, start = self.config.tokens_per_block, self._computed[sequence]
            tokens = live[sequence].tokens
            places = [decode_entry(entry) for entry in self.manager.page_table(sequence)]
            for index in range(-(-start // size)):
                there = content(tokens[: min(start, (index + 1) * size)], size, self._width)
                self._reads.append((f"sequence {sequence}, block {index}", there, self.load(places[index])))
            data = content(tokens[:end], size, self._width)
            skip = (start - position * size) * self._width
            level, slot = places[position]
            self.device.write(Stream.COMPUTE, level, slot, skip, data[skip:])
            self._computed[sequence] = end
        self._unread = len(self.steps)

    def load(self, place: tuple[Level, int]) -> Loaded:
        """A kernel reads a block."""
        return self.device.load(Stream.COMPUTE, *place)

    def victims(self, level: Level = Level.PRIMARY) -> list[tuple[int, tuple[int, ...] | None]]:
        """(priority, path) of the free blocks of a level, next victim first."""
        return [(block.priority, block.path) for block in self.inspection.victim_order(level)]

    def level_of(self, path: tuple[int, ...]) -> Level | None:
        """On which level the block of a path is cached; None when it is not."""
        location = self.inspection.locate(path)
        return None if location is None else location.level

    def refusal(self, operation: str, *arguments: Any) -> Refused:
        """The refusal of an operation that must be refused and must change nothing."""
        before = self.state()
        try:
            getattr(self.manager, operation)(*arguments)
        except Refused as refusal:
            assert self.state() == before
            return refusal
        raise AssertionError(f"{operation}{arguments} was not refused")

    def settle(self) -> None:
        """End the iteration that operations called on the manager itself have begun, with its forward pass."""
        self.manager.end_iteration()
        self.forward()

    def state(self) -> object:
        """All that can be seen of the manager."""
        look = self.inspection
        return [look.victim_order(level) for level in Level], look.in_use(), look.sequences(), len(self.steps)

    def wrong_contents(self) -> list[object]:
        """The cached paths whose block does not hold what the path stands for, and kernels that read something else."""
        wrong: list[object] = []
        size = self.config.tokens_per_block
        for path, location in self.inspection.locations().items():
            expected = content(path, size, self._width)
            if self.device.read(location.level, location.slot)[: len(expected)] != expected:
                wrong.append(path)
        self.device.synchronize()
        wrong += [where for where, expected, load in self._reads if load.value()[: len(expected)] != expected]
        self._reads.clear()
        return wrong


class EventFold:
    """What is cached, according to events alone."""

    def __init__(self) -> None:
        self._paths: dict[int, tuple[int, ...]] = {}  # of every hash seen: an event may name what has gone
        self._levels: dict[int, Level] = {}

    def take(self, events: Sequence[Event]) -> None:
        """Fold further events."""
        for event in events:
            if isinstance(event, Stored):
                above = () if event.parent_hash is None else self._paths[event.parent_hash]
                self._paths[event.hash] = above + event.key
                assert event.hash not in self._levels, "stored twice"
                self._levels[event.hash] = event.level
            elif isinstance(event, Removed):
                del self._levels[event.hash]
            else:
                assert event.hash in self._levels, "moved while it is not cached"
                self._levels[event.hash] = event.level

    def cached(self) -> list[tuple[tuple[int, ...], Level]]:
        """Paths and levels, sorted."""
        return sorted((self._paths[name], level) for name, level in self._levels.items())


def content(tokens: tuple[int, ...], block_tokens: int, width: int) -> bytes:
    """The bytes of the last block of a path, as far as it goes, `width` a token: they depend on all tokens up to it."""
    start = (len(tokens) - 1) // block_tokens * block_tokens
    stamps = (crc32(repr(tokens[: index + 1]).encode()) for index in range(start, len(tokens)))
    return b"".join((stamp.to_bytes(4, "little") * -(-width // 4))[:width] for stamp in stamps)
