"""`kvproof workload`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kvproof.fuzz.commands.workload_caches import replay_caches
from kvproof.fuzz.commands.workload_files import SHOWN_OPERATIONS, trace_file
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.targets import DEFAULT_TARGETS
from kvproof.fuzz.targets.block_manager import ManagerFactory
from kvproof.fuzz.trace import write_trace
from kvproof.fuzz.workload.cache_run import CHECK_EVERY as OFTEN
from kvproof.fuzz.workload.cache_run import DELAYS, Sizes
from kvproof.fuzz.workload.generate import TraceGenerator, shape_of, write_requests
from kvproof.fuzz.workload.report import show_run, show_shape
from kvproof.fuzz.workload.request_trace import read_requests
from kvproof.fuzz.workload.run import CHECK_EVERY, WorkloadRun, prepare
from kvproof.impl import BlockManager

MACHINE = "block-manager"
TRACES = Path(".kvproof") / "traces"
TICKS_PER_UPDATE = 20
"""Operations between two updates of the progress bar."""

INTERRUPTED = 130


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
    help=f"Changes between two comparisons of whole states.  [default: {CHECK_EVERY}, sequence caches {OFTEN}]",
)
@click.option(
    "--delay", type=click.Choice(list(DELAYS)), help="What holds prompts back.  [sequence caches; default: wait]"
)
@click.option("--overlap/--no-overlap", default=None, help="Schedule ahead.  [sequence caches; default: overlap]")
@click.option(
    "--window", type=click.IntRange(min=1), help="Blocks of a sliding window of half of the layers.  [sequence caches]"
)
@click.option("--states", type=click.IntRange(min=1), help="Recurrent states in device memory.  [sequence caches]")
@click.option("--drafts", type=click.IntRange(min=1), help="Tokens that a draft model adds to each.  [sequence caches]")
@click.option(
    "--out", type=click.Path(path_type=Path), default=TRACES, show_default=True, help="For traces of a divergence."
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
    if manager == "sequence-caches":
        replay_caches(console, trace, limit, Sizes(primary, secondary, **given), check_every or OFTEN, out)
        return
    if given:
        raise click.UsageError(f"--{next(iter(given))} is of sequence caches: give --manager sequence-caches, too")
    replayed = read_requests(trace, limit)
    run = prepare(replayed, subject_named(MACHINE), primary, secondary, check_every or CHECK_EVERY, implementation())
    largest = max(request.prompt_blocks for request in replayed)
    if largest > primary:
        console.print(
            f"[yellow]the largest prompt needs {largest} blocks[/], the device pool has {primary}: "
            "such requests are rejected, and counted",
            highlight=False,
        )
    console.print(
        f"{escape(str(trace))}: {len(replayed):,} requests, {primary:,} device blocks, {secondary:,} host blocks",
        highlight=False,
        soft_wrap=True,
    )
    _execute(console, run)
    show_run(console, run)
    if run.failure is not None:
        _show_divergence(console, run, out)
        raise SystemExit(1)
    if run.interrupted:
        console.print("[yellow]interrupted[/]: the figures are those of the part that ran; no divergence in it")
        raise SystemExit(INTERRUPTED)
    console.print("[green]no divergence[/]")


def implementation() -> ManagerFactory:
    """What is driven beside the specification."""
    return BlockManager


def _generate(console: Console, path: Path, count: int, seed: int) -> None:
    generator = TraceGenerator(seed)
    made = generator.requests(count)
    write_requests(path, made)
    show_shape(console, shape_of(made, generator.conversations))
    console.print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)


def _execute(console: Console, run: WorkloadRun) -> None:
    columns = (
        TextColumn("requests"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=run.requests)

        def tick(run: WorkloadRun) -> None:
            done = len(run.lockstep.operations)
            if done % TICKS_PER_UPDATE == 0:
                counts = run.scheduler.counts
                bar.update(
                    task,
                    completed=counts.completed + counts.rejected,
                    description=f"{done:,} operations, {run.lockstep.counters.blocks_offloaded:,} offloads",
                )

        run.execute(tick)


def _show_divergence(console: Console, run: WorkloadRun, out: Path) -> None:
    """The whole trace first, so that Ctrl-C while it is made shorter keeps it; then the short one, step by step."""
    # Only now: these bring the minimiser and, with the reports of `kvproof fuzz`, Hypothesis.
    from kvproof.fuzz.replay import Verdict, replay
    from kvproof.fuzz.report import show_failure, show_replay
    from kvproof.fuzz.workload.shorten import Shortener, target_maker

    failure = run.failure
    assert failure is not None
    whole = run.trace(DEFAULT_TARGETS[MACHINE])
    subject, make_manager = run.lockstep.subject, run.lockstep.make_manager
    console.print(f"\n[bold red]divergence[/] at operation {failure.operation:,} of the replay")
    show_failure(console, failure)
    path = trace_file(out, whole, "whole")
    write_trace(path, whole)
    console.print(f"trace: {path}", markup=False, highlight=False, soft_wrap=True)
    try:
        with console.status("making it shorter"):
            short = Shortener(subject, make_manager, run.found_by_check).shorten(whole)
    except KeyboardInterrupt:
        console.print("[yellow]interrupted[/] while making it shorter; the whole trace is kept")
        return
    if len(short.operations) == len(whole.operations):
        console.print("it could not be made shorter")
        return
    path = trace_file(out, short, "short")
    write_trace(path, short)
    console.print(f"made shorter: {len(whole.operations):,} operations to {len(short.operations):,}")
    again = replay(subject, short, target_maker(make_manager)) if len(short.operations) <= SHOWN_OPERATIONS else None
    if again is not None and again.verdict is Verdict.SAME:
        show_replay(console, again)
    elif short.failure is not None:
        show_failure(console, short.failure)
    console.print(f"short trace: {path}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"again: kvproof replay {path}", markup=False, highlight=False, soft_wrap=True)
