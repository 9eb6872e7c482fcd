"""`kvproof replay`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.replay import pytest_source, replay
from kvproof.fuzz.shell.options import default_target
from kvproof.fuzz.shell.report import show_replay, show_verdict
from kvproof.fuzz.subject import MachineError
from kvproof.fuzz.target import TargetError, load_target
from kvproof.fuzz.trace import TraceError, fit, read_trace


@click.command("replay")
@click.argument("trace", type=click.Path(path_type=Path))
@click.option("--target", metavar="MODULE:ATTR", help="What to run it on; by default the target that the trace names.")
@click.option("--pytest", "as_pytest", is_flag=True, help="Print a test that replays the trace, and do nothing else.")
def command(trace: Path, target: str | None, as_pytest: bool) -> None:
    """Run a trace step by step and say whether it still fails in the same way.

    Exit status 1 while it fails (in the same way or another), 0 when it no longer does, 2 for bad input.
    """
    console = Console()
    recorded = read_trace(trace)
    try:
        subject = subject_named(recorded.machine)
    except MachineError as error:
        raise TraceError(f"{trace}: machine: {error}") from error
    fitting = fit(recorded, subject, str(trace))
    specifier = default_target(recorded.machine, target or recorded.target)
    if as_pytest:
        if target is not None:
            load_target(target)  # a test with one that is not there would be of no use
        click.echo(pytest_source(fitting, subject, specifier), nl=False)
        return
    try:
        result = replay(subject, fitting, lambda: load_target(specifier))
    except TargetError as error:  # what the trace asks of it, or what --target names
        raise TraceError(f"{trace}: {error}") from error
    if result.stale:
        click.echo(
            f"warning: {trace} was recorded against specification {recorded.specification}, this is {subject.digest}",
            err=True,
        )
    if result.unfollowed:
        click.echo(f"warning: {trace} has a schedule, which {specifier} does not follow: it has none", err=True)
    show_replay(console, result)
    show_verdict(console, result)
    raise SystemExit(result.verdict.exit_status)
