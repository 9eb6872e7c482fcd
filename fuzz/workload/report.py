"""The tables of a replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import asdict
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kvproof.fuzz.workload.generate import TraceShape
from kvproof.fuzz.workload.run import WorkloadRun


def show_run(console: Console, run: WorkloadRun) -> None:
    """What the replay did, what the pools were worth, which oracle looked how often, and where the time went."""
    console.print(_requests_table(run))
    console.print(_cache_table(run))
    console.print(oracle_table(ORACLES, run.lockstep.counts))
    console.print(time_table(run.lockstep.seconds, run.seconds, len(run.lockstep.operations)))


def empty_table(title: str, *columns: str) -> Table:
    """A table whose columns but the first are numbers; without a head when there are two."""
    table = Table(title=title, title_justify="left", show_header=len(columns) > 2)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left")
    return table


def _requests_table(run: WorkloadRun) -> Table:
    counts = run.scheduler.counts
    table = empty_table("requests", "what", "count")
    table.add_row("requests", f"{run.requests:,}")
    for name, value in (
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
        ("chunks trimmed", run.lockstep.promise.trimmed),
    ):
        table.add_row(name, f"{value:,}")
    waits = counts.waited + counts.preemptions
    table.add_row("mean wait of those that waited", f"{counts.waited_ms / waits / 1000:,.1f} s" if waits else "none")
    table.add_row("operations", f"{len(run.lockstep.operations):,}")
    for name, count in sorted(run.refusals.items()):
        table.add_row(f"refused {escape(name)}", f"{count:,}")
    return table


def _cache_table(run: WorkloadRun) -> Table:
    lookups, counters = run.lookups, run.lockstep.counters
    table = empty_table("prompt blocks", "found", "blocks", "of the full ones", "of all")
    for name, value in (
        ("on the device", lookups.on_device),
        ("on the host", lookups.on_host),
        ("together", lookups.on_device + lookups.on_host),
    ):
        table.add_row(name, f"{value:,}", rate(value, lookups.full_blocks), rate(value, lookups.prompt_blocks))
    table.add_row("looked up", f"{lookups.full_blocks:,}", f"{lookups.full_blocks:,}", f"{lookups.prompt_blocks:,}")
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


def rate(part: int, whole: int) -> str:
    """A share, to three places."""
    return f"{part / whole:.3f}" if whole else "-"


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
}


def oracle_table(names: Mapping[str, str], counts: Any) -> Table:
    """How often each oracle looked; `counts` is an attrs class whose fields have these names."""
    table = empty_table("oracles", "oracle", "times")
    for name, count in asdict(counts).items():
        table.add_row(names[name], f"{count:,}")
    return table


def time_table(seconds: Any, together: float, operations: int) -> Table:
    """Where the time went; `seconds` is an attrs class with a field for each part."""
    table = empty_table("time", "part", "seconds")
    parts = asdict(seconds)
    for name, spent in parts.items():
        table.add_row(name, f"{spent:.1f}")
    table.add_row("the rest", f"{max(0.0, together - sum(parts.values())):.1f}")
    table.add_row("together", f"{together:.1f}")
    table.add_row("operations/s", f"{operations / together if together else 0.0:,.0f}")
    return table


def show_shape(console: Console, shape: TraceShape) -> None:
    """Facts of a generated trace."""
    table = empty_table("generated trace", "what", "value")
    for name, value in (
        ("requests", f"{shape.requests:,}"),
        ("conversations", f"{shape.conversations:,}"),
        ("from first to last request", f"{shape.span_ms / 1000:,.0f} s"),
        ("prompt blocks", f"{shape.blocks:,}"),
        ("different ones", f"{shape.distinct_blocks:,}"),
        ("mean and largest prompt", f"{shape.blocks / shape.requests:.1f} and {shape.largest_prompt} blocks"),
        ("mean output", f"{shape.output_tokens / shape.requests:.0f} tokens"),
        ("hit rate of an infinite cache, of the full blocks", rate(shape.reusable_blocks, shape.full_blocks)),
    ):
        table.add_row(name, value)
    console.print(table)
