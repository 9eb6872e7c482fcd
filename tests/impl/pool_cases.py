"""Small pools for the tests of the block manager: how to make one, use it and look at it."""

from __future__ import annotations

from typing import Any

from kvproof.impl import BlockManager, Inspection, PoolConfig, Refused, decode_entry
from kvproof.impl.device import Level, ScheduleName, SimulatedDevice, Stream

BLOCK_BYTES = 8


class Pool:
    """A manager over a simulated device with 2-token blocks, its step log, and an engine that writes each position."""

    def __init__(
        self,
        primary: int,
        secondary: int = 0,
        *,
        manager_type: type[BlockManager] = BlockManager,
        schedule: ScheduleName = "eager",
        seed: int = 0,
        **config: Any,
    ) -> None:
        sizes = {"max_sequence_tokens": 64, "tokens_per_block": 2, "block_bytes": BLOCK_BYTES, **config}
        self.config = PoolConfig(primary_blocks=primary, secondary_blocks=secondary, **sizes)
        self.device = SimulatedDevice(primary, secondary, BLOCK_BYTES, schedule=schedule, seed=seed)
        self.steps: list[tuple[Any, ...]] = []
        self.manager = manager_type(self.config, self.device, lambda name, args: self.steps.append((name, *args)))
        self.inspection = Inspection(self.manager)

    def add(self, sequence: int, tokens: list[int], priority: int | None = None) -> int:
        """Add a prompt and run its forward pass; returns the tokens reused."""
        self.manager.begin_iteration()
        admission = self.manager.add_sequence(sequence, tokens, priority)
        self.manager.end_iteration()
        self.forward(sequence, admission.new_positions)
        return admission.reused_tokens

    def append(self, sequence: int, tokens: list[int]) -> range:
        """Append tokens and run their forward pass; returns the positions written."""
        self.manager.begin_iteration()
        positions = self.manager.append_tokens(sequence, tokens)
        self.manager.end_iteration()
        self.forward(sequence, positions)
        return positions

    def offload(self, tokens: list[int]) -> None:
        """Offload in an iteration of its own."""
        self.manager.begin_iteration()
        self.manager.offload(tokens)
        self.manager.end_iteration()

    def cache(self, sequence: int, tokens: list[int], priority: int | None = None) -> None:
        """Add and finish, so that the full blocks of `tokens` are cached and free."""
        self.add(sequence, tokens, priority)
        self.manager.finish(sequence)

    def forward(self, sequence: int, positions: range) -> None:
        """The engine's kernels: write what the positions stand for to where the page table says."""
        tokens = self.inspection.sequences()[sequence].tokens
        table = self.manager.page_table(sequence)
        for position in positions:
            level, slot = decode_entry(table[position])
            block_tokens = self.config.tokens_per_block
            self.device.write(Stream.COMPUTE, level, slot, 0, content(tokens[: (position + 1) * block_tokens]))

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

    def state(self) -> object:
        """All that can be seen of the manager."""
        look = self.inspection
        return [look.victim_order(level) for level in Level], look.in_use(), look.sequences(), len(self.steps)

    def wrong_contents(self) -> list[tuple[int, ...]]:
        """The cached paths whose block does not hold what the path stands for."""
        wrong = []
        for path in self.inspection.cached_paths():
            location = self.inspection.locate(path)
            assert location is not None
            if self.device.read(location.level, location.slot) != content(path):
                wrong.append(path)
        return wrong


def content(tokens: tuple[int, ...]) -> bytes:
    """Bytes that stand for a path: its last tokens and its length."""
    return bytes([len(tokens), *tokens[-(BLOCK_BYTES - 1) :]]).ljust(BLOCK_BYTES, b"\xff")
