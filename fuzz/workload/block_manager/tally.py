"""What a replay on the block manager came to: where prompt blocks were found, and what became of the requests."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define
from rich.table import Table

from kvproof.fuzz.target import Operation, Outcome, Returned, Step
from kvproof.fuzz.workload.block_manager.promise import PromiseKeeper
from kvproof.fuzz.workload.block_manager.schedule import ScheduleCounts
from kvproof.fuzz.workload.block_manager.target import ReplayTarget
from kvproof.fuzz.workload.report import empty_table, rate

ORACLES = {
    "results": "results and free counts, operations",
    "promises": "promise to the scheduler, operations",
    "steps": "steps validated",
    "touched": "blocks compared by content",
    "events": "paths compared by events",
    "bytes_read": "blocks of bytes compared",
    "races": "happens-before, operations",
    "observations": "whole states compared",
    "invariants": "all invariants of the specification",
    "all_bytes": "blocks of bytes compared in whole states",
}
"""What is looked at, by the names under which lockstep counts it."""


@define
class Lookups:
    """Prompt blocks looked up by the requests that were admitted, and where they were found.

    A request that was preempted looks its blocks up again when it comes back.
    """

    target: ReplayTarget
    counts: ScheduleCounts
    promise: PromiseKeeper
    block_tokens: int
    full_blocks: int = 0
    prompt_blocks: int = 0
    """As `full_blocks`, with the partly filled last block, which no cache of full blocks can have."""
    on_device: int = 0
    on_host: int = 0

    def count(self, operation: Operation, outcome: Outcome, steps: list[Step]) -> None:
        """See `Tally`."""
        del steps
        if operation.name == "add_batch" and isinstance(outcome, Returned):
            size, totals = self.block_tokens, outcome.value[-1]
            for request in operation.arguments["requests"]:
                self.full_blocks += len(request["tokens"]) // size
                self.prompt_blocks += -(-len(request["tokens"]) // size)
            self.on_device += totals["full"] - totals["onboarded"]
            self.on_host += totals["onboarded"]

    def told(self) -> str:
        """See `Tally`."""
        return f"{self.target.counters.blocks_offloaded:,} offloads"

    def request_rows(self) -> Iterable[tuple[str, int | str]]:
        """See `Tally`."""
        counts = self.counts
        waits = counts.waited + counts.preemptions
        return (
            ("arrived", counts.arrived),
            ("completed", counts.completed),
            ("rejected for good: the prompt exceeds the pool", counts.rejected),
            ("refused though nothing else ran", counts.starved),
            ("cut short: the output outgrew the pool", counts.cut),
            ("waited on arrival", counts.waited),
            ("preempted while running", counts.preemptions),
            ("most at once", counts.most_live),
            ("longest waiting line", counts.longest_line),
            ("batches", counts.batches),
            ("most requests in one", counts.largest_batch),
            ("chunks of prompts", counts.chunks),
            ("iterations", counts.iterations),
            ("with stale estimates", counts.stale),
            ("chunks trimmed", self.promise.trimmed),
            ("mean wait of those that waited", f"{counts.waited_ms / waits / 1000:,.1f} s" if waits else "none"),
        )

    def memory_table(self) -> Table:
        """See `Tally`."""
        counters = self.target.counters
        table = empty_table("prompt blocks", "found", "blocks", "of the full ones", "of all")
        for name, value in (
            ("on the device", self.on_device),
            ("on the host", self.on_host),
            ("together", self.on_device + self.on_host),
        ):
            table.add_row(name, f"{value:,}", rate(value, self.full_blocks), rate(value, self.prompt_blocks))
        table.add_row("looked up", f"{self.full_blocks:,}", f"{self.full_blocks:,}", f"{self.prompt_blocks:,}")
        table.add_section()
        for name, value in (
            ("offloads", counters.blocks_offloaded),
            ("onboardings", counters.blocks_onboarded),
            ("evictions", counters.blocks_evicted),
            ("allocations", counters.blocks_allocated),
            ("stored", counters.blocks_stored),
        ):
            table.add_row(name, f"{value:,}", "", "")
        return table
