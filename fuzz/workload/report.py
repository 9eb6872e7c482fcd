"""The tables of a replay, whichever manager it is on."""

from __future__ import annotations

from typing import Any

from attrs import asdict
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kvproof.fuzz.workload.generate import TraceShape
from kvproof.fuzz.workload.replay import Replay


def show_replay(console: Console, replay: Replay) -> None:
    """What the replay did, what the memory was worth, which oracle looked how often, and where the time went."""
    console.print(_requests_table(replay))
    console.print(replay.tally.memory_table())
    console.print(_oracle_table(replay))
    console.print(_time_table(replay))


def empty_table(title: str, *columns: str) -> Table:
    """A table whose columns but the first are numbers; without a head when there are two."""
    table = Table(title=title, title_justify="left", show_header=len(columns) > 2)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left")
    return table


def _requests_table(replay: Replay) -> Table:
    table = empty_table("requests", "what", "count")
    rows = [("requests", replay.requests), *replay.tally.request_rows(), ("operations", len(replay.operations))]
    refused = [(f"refused {escape(name)}", count) for name, count in sorted(replay.refusals.items())]
    for name, value in (*rows, *refused):
        table.add_row(name, value if isinstance(value, str) else f"{value:,}")
    return table


def rate(part: int, whole: int) -> str:
    """A share, to three places."""
    return f"{part / whole:.3f}" if whole else "-"


def _oracle_table(replay: Replay) -> Table:
    table = empty_table("oracles", "oracle", "times")
    for name, told in replay.manager.oracles.items():
        table.add_row(told, f"{replay.lockstep.looked[name]:,}")
    return table


def _time_table(replay: Replay) -> Table:
    table = empty_table("time", "part", "seconds")
    parts: dict[str, Any] = asdict(replay.lockstep.seconds)
    together = replay.seconds
    for name, spent in parts.items():
        table.add_row(name, f"{spent:.1f}")
    table.add_row("the rest", f"{max(0.0, together - sum(parts.values())):.1f}")
    table.add_row("together", f"{together:.1f}")
    table.add_row("operations/s", f"{len(replay.operations) / together if together else 0.0:,.0f}")
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
