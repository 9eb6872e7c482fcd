"""What `kvproof workload` shows of a replay, whichever manager it is on: a bar while it runs, and a divergence."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kvproof.fuzz.targets import DEFAULT_TARGETS
from kvproof.fuzz.trace import Trace, render_trace, write_trace
from kvproof.fuzz.workload.replay import Replay
from kvproof.fuzz.workload.report import show_replay

TICKS_PER_UPDATE = 20
"""Operations between two updates of the progress bar."""

INTERRUPTED = 130

SHOWN_OPERATIONS = 60
"""A longer trace is not shown step by step."""


def run_to_the_end(console: Console, run: Replay, out: Path) -> NoReturn:
    """Run a replay, show what it came to, and end the program as the command says."""
    _execute(console, run)
    show_replay(console, run)
    if run.failure is not None:
        _show_divergence(console, run, out)
        raise SystemExit(1)
    if run.interrupted:
        console.print("[yellow]interrupted[/]: the figures are those of the part that ran; no divergence in it")
        raise SystemExit(INTERRUPTED)
    console.print("[green]no divergence[/]")
    raise SystemExit(0)


def _execute(console: Console, run: Replay) -> None:
    columns = (
        TextColumn("requests"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=run.requests)

        def tick() -> None:
            done = len(run.operations)
            if done % TICKS_PER_UPDATE == 0:
                bar.update(task, completed=run.finished, description=f"{done:,} operations, {run.tally.told()}")

        run.execute(tick)


def _show_divergence(console: Console, run: Replay, out: Path) -> None:
    """The whole trace first, so that Ctrl-C while it is made shorter keeps it; then the short one, step by step."""
    # Only now: with the reports of `kvproof fuzz`, these bring Hypothesis.
    from kvproof.fuzz.replay import Comparison, replay
    from kvproof.fuzz.shell.report import show_failure
    from kvproof.fuzz.shell.report import show_replay as show_steps

    manager, failure = run.manager, run.failure
    assert failure is not None
    whole = run.trace(DEFAULT_TARGETS[manager.subject.name])
    console.print(f"\n[bold red]divergence[/] at operation {failure.operation:,} of the replay")
    show_failure(console, failure)
    path = trace_file(out, whole, "whole")
    write_trace(path, whole)
    console.print(f"trace: {path}", markup=False, highlight=False, soft_wrap=True)
    try:
        with console.status("making it shorter"):
            short = manager.shorten(whole, run.found_by_check)
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
        again = replay(manager.subject, short, manager.make_target)
    if again is not None and again.verdict is Comparison.SAME:
        show_steps(console, again)
    elif short.failure is not None:
        show_failure(console, short.failure)
    console.print(f"short trace: {path}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"again: kvproof replay {path}", markup=False, highlight=False, soft_wrap=True)


def trace_file(folder: Path, trace: Trace, which: str) -> Path:
    """A name that says what fails and is the same for the same trace."""
    what = re.sub(r"[^\w.]+", "-", trace.failure.fingerprint).strip("-") if trace.failure is not None else "passes"
    digest = hashlib.sha256(render_trace(trace).encode()).hexdigest()[:8]
    return folder / f"workload-{what}-{which}-{digest}.json"
