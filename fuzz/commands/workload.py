"""`kvproof workload`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.shell.options import folder
from kvproof.fuzz.targets.block_manager import ManagerFactory
from kvproof.fuzz.targets.executor import ExecutorFactory
from kvproof.fuzz.workload.block_manager import prepare as blocks
from kvproof.fuzz.workload.console import run_to_the_end
from kvproof.fuzz.workload.executor import prepare as caches
from kvproof.fuzz.workload.generate import TraceGenerator, shape_of, write_requests
from kvproof.fuzz.workload.replay import Replay
from kvproof.fuzz.workload.report import show_shape
from kvproof.fuzz.workload.request_trace import Request, read_requests
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.executor import Executor

TRACES = Path(".kvproof") / "traces"


@click.command("workload")
@click.argument("trace", type=click.Path(path_type=Path), required=False)
@click.option(
    "--manager",
    type=click.Choice(["block-manager", "sequence-caches"]),
    default="block-manager",
    show_default=True,
    help="What is replayed on: blocks, or sequence caches with an executor over them.",
)
@click.option("--primary", type=int, help="Blocks of 512 tokens in device memory, at least 1.")
@click.option("--secondary", type=int, help="Blocks of 512 tokens in host memory; 0 for none.")
@click.option("--limit", type=click.IntRange(min=1), help="Replay only so many requests.")
@click.option(
    "--check-every",
    type=click.IntRange(min=1),
    help="Changes between two comparisons of whole states.  "
    f"[default: {blocks.CHECK_EVERY}, sequence caches {caches.CHECK_EVERY}]",
)
@click.option(
    "--delay", type=click.Choice(list(caches.DELAYS)), help="What holds prompts back.  [sequence caches; default: wait]"
)
@click.option("--overlap/--no-overlap", default=None, help="Schedule ahead.  [sequence caches; default: overlap]")
@click.option(
    "--window", type=click.IntRange(min=1), help="Blocks of a sliding window of half of the layers.  [sequence caches]"
)
@click.option("--states", type=click.IntRange(min=1), help="Recurrent states in device memory.  [sequence caches]")
@click.option("--drafts", type=click.IntRange(min=1), help="Tokens that a draft model adds to each.  [sequence caches]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    callback=folder,
    default=TRACES,
    show_default=True,
    help="For traces of a divergence.",
)
@click.option(
    "--generate", type=click.Path(path_type=Path), help="Write a request trace here instead of replaying one."
)
@click.option("--requests", type=click.IntRange(min=1), default=2_000, show_default=True, help="With --generate.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="With --generate.")
def command(
    trace: Path | None,
    manager: str,
    primary: int | None,
    secondary: int | None,
    limit: int | None,
    check_every: int | None,
    delay: str | None,
    overlap: bool | None,
    window: int | None,
    states: int | None,
    drafts: int | None,
    out: Path,
    generate: Path | None,
    requests: int,
    seed: int,
) -> None:
    """Replay a request trace (.jsonl or .jsonl.gz) through the specification and the implementation in lockstep.

    A scheduler estimates, selects within the token and block budgets, adds batches, and computes prompts in chunks of at
    most 8,192 tokens an iteration; in a tenth of the iterations its estimates are stale. Service times: 0.5 s and 30 ms
    for each output token. Full pools make requests wait, first come first served.

    With --manager sequence-caches, an executor schedules generating requests, then prompts in chunks of at most 8,192
    tokens; delay batching, other ranks and a connector hold some of them back, which are released; passes overlap.

    Exit status 1 on a divergence, which is written to --out as a trace; 2 for bad input; 130 after Ctrl-C.
    """
    console = Console()
    if generate is not None:
        if trace is not None:
            raise click.UsageError(f"--generate writes a trace, and {trace} is one to replay: give one of the two")
        _generate(console, generate, requests, seed)
        return
    if trace is None:
        raise click.UsageError("give the TRACE to replay, or --generate OUT to write one")
    if primary is None or secondary is None:
        raise click.UsageError("give both pool sizes: --primary N --secondary N, for instance 1024 and 8192")
    chosen: dict[str, Any] = {"delay": delay, "overlap": overlap, "window": window, "states": states, "drafts": drafts}
    given = {name: value for name, value in chosen.items() if value is not None}
    if given and manager == "block-manager":
        raise click.UsageError(f"--{next(iter(given))} is of sequence caches: give --manager sequence-caches, too")
    replayed = read_requests(trace, limit)
    if manager == "block-manager":
        run, told = _on_blocks(console, replayed, primary, secondary, check_every)
    else:
        run, told = _on_caches(replayed, caches.Sizes(primary, secondary, **given), check_every)
    console.print(f"{escape(str(trace))}: {len(replayed):,} requests, {told}", highlight=False, soft_wrap=True)
    run_to_the_end(console, run, out)


def _on_blocks(
    console: Console, requests: Sequence[Request], primary: int, secondary: int, check_every: int | None
) -> tuple[Replay, str]:
    """The replay, and its sizes in words."""
    subject = subject_named("block-manager")
    run = blocks.prepare(requests, subject, primary, secondary, check_every or blocks.CHECK_EVERY, block_manager())
    largest = max(request.prompt_blocks for request in requests)
    if largest > primary:
        console.print(
            f"[yellow]the largest prompt needs {largest} blocks[/], the device pool has {primary}: "
            "such requests are rejected, and counted",
            highlight=False,
        )
    return run, f"{primary:,} device blocks, {secondary:,} host blocks"


def _on_caches(requests: Sequence[Request], sizes: caches.Sizes, check_every: int | None) -> tuple[Replay, str]:
    """As `_on_blocks`."""
    run = caches.prepare(requests, subject_named("executor"), sizes, check_every or caches.CHECK_EVERY, executor())
    return run, f"{sizes.primary:,} device pages, {sizes.secondary:,} host pages"


def block_manager() -> ManagerFactory:
    """What is driven beside the specification of blocks."""
    return BlockManager


def executor() -> ExecutorFactory:
    """What is driven beside that of sequence caches, through an executor."""
    return Executor


def _generate(console: Console, path: Path, count: int, seed: int) -> None:
    generator = TraceGenerator(seed)
    made = generator.requests(count)
    write_requests(path, made)
    show_shape(console, shape_of(made, generator.conversations))
    console.print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)
