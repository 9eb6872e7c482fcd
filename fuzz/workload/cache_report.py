"""The tables of a replay through an executor of sequence caches."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kvproof.fuzz.workload.cache_run import CacheRun
from kvproof.fuzz.workload.report import empty_table, oracle_table, rate, time_table

LOOKS = {
    "results": "results, operations",
    "steps": "steps validated",
    "sums": "sums of both sides, operations",
    "bytes_read": "planes of bytes that kernels read",
    "races": "happens-before, operations",
    "observations": "everything compared",
    "pages": "planes of bytes of pages compared",
}


def show_cache_run(console: Console, run: CacheRun) -> None:
    """What the replay did, what the levels were worth, which oracle looked how often, and where the time went."""
    console.print(_requests_table(run))
    console.print(_pages_table(run))
    console.print(oracle_table(LOOKS, run.lockstep.looks))
    console.print(time_table(run.lockstep.seconds, run.seconds, len(run.lockstep.operations)))


def _requests_table(run: CacheRun) -> Table:
    counts, steps = run.service.counts, run.lockstep.step_counts
    table = empty_table("requests", "what", "count")
    for name, value in (
        ("requests", run.requests),
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
        ("operations", len(run.lockstep.operations)),
    ):
        table.add_row(name, f"{value:,}")
    for name, value in sorted(run.refusals.items()):
        table.add_row(escape(name), f"{value:,}")
    return table


def _pages_table(run: CacheRun) -> Table:
    steps = run.lockstep.step_counts
    table = empty_table("pages", "what", "count")
    table.add_row("prompt blocks found", f"{run.matched:,}")
    table.add_row("of the full ones looked up", f"{run.looked_up:,} ({rate(run.matched, run.looked_up)})")
    for name, value in (
        ("taken", steps["take_slot"]),
        ("committed", steps["link"]),
        ("moved down", run.moved_down),
        ("moved up", run.moved_up),
        ("destroyed", steps["destroy"]),
        ("scratch slots taken", run.scratch),
    ):
        table.add_row(name, f"{value:,}")
    return table
