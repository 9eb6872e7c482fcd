"""What a replay on an executor of sequence caches came to: what became of the requests, and where pages went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from attrs import define, field
from rich.table import Table

from kvproof.fuzz.target import Operation, Outcome, Returned, Step
from kvproof.fuzz.workload.executor.service import ServiceCounts
from kvproof.fuzz.workload.report import empty_table, rate
from kvproof.fuzz.workload.tokens import REPLAY_BLOCK_TOKENS

ORACLES = {
    "results": "results, operations",
    "steps": "steps validated",
    "sums": "sums of both sides, operations",
    "bytes_read": "planes of bytes that kernels read",
    "races": "happens-before, operations",
    "observations": "everything compared",
    "all_bytes": "planes of bytes of pages compared",
}
"""What is looked at, by the names under which lockstep counts it."""


@define
class PageCounts:
    """What happened to pages, by the steps of the implementation."""

    counts: ServiceCounts
    steps: Counter[str] = field(factory=Counter)
    matched: int = 0
    """Blocks that were found when caches were created."""
    looked_up: int = 0
    """Full blocks that could have been."""
    moved_up: int = 0
    moved_down: int = 0
    scratch: int = 0
    """Scratch slots that caches took."""

    def count(self, operation: Operation, outcome: Outcome, steps: list[Step]) -> str | None:
        """See `Tally`."""
        del operation
        for name, arguments in steps:
            self.steps[name] += 1
            if name == "migrate":
                self.moved_up += arguments[1] == 0
                self.moved_down += arguments[1] != 0
            elif name == "take_scratch":
                self.scratch += arguments[1]
            elif name == "open":
                self.looked_up += len(arguments[1])
            elif name == "seat":
                self.matched += arguments[2] // REPLAY_BLOCK_TOKENS
        return "no room" if outcome == Returned(False) else None

    def told(self) -> str:
        """See `Tally`."""
        return f"{self.moved_down:,} pages moved down"

    def request_rows(self) -> Iterable[tuple[str, int | str]]:
        """See `Tally`."""
        counts, steps = self.counts, self.steps
        return (
            ("arrived", counts.arrived),
            ("completed", counts.completed),
            ("rejected for good", counts.rejected),
            ("handed over to a sender first", counts.handed_over),
            ("most at once", counts.most_live),
            ("longest waiting line", counts.longest_line),
            ("iterations", counts.iterations),
            ("with a forward pass", counts.forwarded),
            ("chunks of prompts scheduled", counts.prompts_scheduled),
            ("forwarded", counts.prompts_forwarded),
            ("released: first chunks, freed, those without room included", steps["rewind"]),
            ("released: later chunks and generation", steps["strike"]),
            ("suspended for want of room", steps["pause"]),
            ("most iterations in a row without a forward pass", counts.stalled),
            ("cancelled, as nothing moved", counts.cancelled),
        )

    def memory_table(self) -> Table:
        """See `Tally`."""
        table = empty_table("pages", "what", "count")
        table.add_row("prompt blocks found", f"{self.matched:,}")
        table.add_row("of the full ones looked up", f"{self.looked_up:,} ({rate(self.matched, self.looked_up)})")
        for name, value in (
            ("taken", self.steps["take_slot"]),
            ("committed", self.steps["link"]),
            ("moved down", self.moved_down),
            ("moved up", self.moved_up),
            ("destroyed", self.steps["destroy"]),
            ("scratch slots taken", self.scratch),
        ):
            table.add_row(name, f"{value:,}")
        return table
