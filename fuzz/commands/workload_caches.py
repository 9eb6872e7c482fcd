"""`kvproof workload --manager sequence-caches`."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kvproof.fuzz.commands.workload_files import SHOWN_OPERATIONS, trace_file
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.targets import DEFAULT_TARGETS
from kvproof.fuzz.targets.executor import ExecutorFactory
from kvproof.fuzz.trace import write_trace
from kvproof.fuzz.workload.cache_report import show_cache_run
from kvproof.fuzz.workload.cache_run import CacheRun, Sizes, prepare_caches
from kvproof.fuzz.workload.request_trace import read_requests
from kvproof.impl.executor import Executor

MACHINE = "executor"

TICKS_PER_UPDATE = 20
"""Operations between two updates of the progress bar."""

INTERRUPTED = 130


def implementation() -> ExecutorFactory:
    """What is driven beside the specification."""
    return Executor


def replay_caches(console: Console, trace: Path, limit: int | None, sizes: Sizes, check_every: int, out: Path) -> None:
    """Replay a request trace; ends the program as the command says."""
    replayed = read_requests(trace, limit)
    run = prepare_caches(replayed, subject_named(MACHINE), sizes, check_every, implementation())
    console.print(
        f"{escape(str(trace))}: {len(replayed):,} requests, {sizes.primary:,} device pages, {sizes.secondary:,} host pages",
        highlight=False,
        soft_wrap=True,
    )
    _execute(console, run)
    show_cache_run(console, run)
    if run.failure is not None:
        _show_divergence(console, run, out)
        raise SystemExit(1)
    if run.interrupted:
        console.print("[yellow]interrupted[/]: the figures are those of the part that ran; no divergence in it")
        raise SystemExit(INTERRUPTED)
    console.print("[green]no divergence[/]")


def _execute(console: Console, run: CacheRun) -> None:
    columns = (
        TextColumn("requests"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=run.requests)

        def tick(run: CacheRun) -> None:
            done = len(run.lockstep.operations)
            if done % TICKS_PER_UPDATE == 0:
                counts = run.service.counts
                description = f"{done:,} operations, {run.moved_down:,} pages moved down"
                bar.update(task, completed=counts.completed + counts.rejected, description=description)

        run.execute(tick)


def _show_divergence(console: Console, run: CacheRun, out: Path) -> None:
    """The whole trace first, so that Ctrl-C while it is made shorter keeps it; then the short one, step by step."""
    # Only now: these bring the minimiser and, with the reports of `kvproof fuzz`, Hypothesis.
    from kvproof.fuzz.replay import Verdict, replay
    from kvproof.fuzz.report import show_failure, show_replay
    from kvproof.fuzz.targets.executor import ExecutorTarget
    from kvproof.fuzz.workload.cache_shorten import CacheShortener

    failure = run.failure
    assert failure is not None
    whole = run.trace(DEFAULT_TARGETS[MACHINE])
    subject, make_executor = run.lockstep.subject, implementation()
    console.print(f"\n[bold red]divergence[/] at operation {failure.operation:,} of the replay")
    show_failure(console, failure)
    path = trace_file(out, whole, "whole")
    write_trace(path, whole)
    console.print(f"trace: {path}", markup=False, highlight=False, soft_wrap=True)
    try:
        with console.status("making it shorter"):
            short = CacheShortener(subject, make_executor, run.found_by_check).shorten(whole)
    except KeyboardInterrupt:
        console.print("[yellow]interrupted[/] while making it shorter; the whole trace is kept")
        return
    if len(short.operations) == len(whole.operations):
        console.print("it could not be made shorter")
        return
    path = trace_file(out, short, "short")
    write_trace(path, short)
    console.print(f"made shorter: {len(whole.operations):,} operations to {len(short.operations):,}")
    again = None
    if len(short.operations) <= SHOWN_OPERATIONS:
        again = replay(subject, short, lambda: ExecutorTarget(make_executor))
    if again is not None and again.verdict is Verdict.SAME:
        show_replay(console, again)
    elif short.failure is not None:
        show_failure(console, short.failure)
    console.print(f"short trace: {path}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"again: kvproof replay {path}", markup=False, highlight=False, soft_wrap=True)
