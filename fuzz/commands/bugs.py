"""`kvproof bugs`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from kvproof.fuzz.bugs.hunt import TOLERATED_GAP, Hunt, hunt
from kvproof.fuzz.bugs.seeded import SeededBug, bugs_named, target_name
from kvproof.fuzz.bugs.survey import Survey, survey
from kvproof.fuzz.campaign import Engine
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.replay import replay
from kvproof.fuzz.shell.options import WORKING_FOLDER, folder
from kvproof.fuzz.shell.report import show_replay
from kvproof.fuzz.trace import trace_path, write_trace


@click.command("bugs")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True, help="For each bug."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--seeds",
    type=click.IntRange(min=2),
    metavar="N",
    help="Hunt each bug with N seeds, from --seed on, and tell how many of them found it; nothing is minimised.",
)
@click.option("--engine", type=click.Choice([e.value for e in Engine]), default=Engine.WALK.value, show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), callback=folder, default=WORKING_FOLDER / "bugs", show_default=True
)
@click.option("--list", "only_list", is_flag=True, help="Tell what the bugs are and plant none.")
def command(
    ids: tuple[str, ...], seconds: float, seed: int, seeds: int | None, engine: str, out: Path, only_list: bool
) -> None:
    """Plant historic bugs in the implementation and show that the harness finds them.

    Without an ID, all of them. Each minimised trace is set beside the shortest one there is, which exhaustive search gives
    for the same bug in the specification.

    Exit status 1 when one is not found within its seconds (with --seeds: by every one of them), or when its trace is more
    than two operations longer than the shortest and nothing explains that; 2 for an unknown ID.
    """
    console = Console()
    bugs = bugs_named(ids)
    if only_list or len(bugs) == 1:
        for bug in bugs:
            console.print(f"[bold]{bug.id}[/] {escape(bug.title)} ({escape(bug.source)})\n  {escape(bug.mechanism)}")
    if only_list:
        return
    if seeds is not None:
        _survey(console, bugs, seconds, range(seed, seed + seeds), Engine(engine))
        return
    hunts: list[Hunt] = []
    for bug in bugs:
        with console.status(f"{bug.id}: {escape(bug.title)}"):
            hunts.append(hunt(subject_named(bug.machine), bug, seconds, seed, Engine(engine)))
            hunts[-1].shortest()
        _keep(console, hunts[-1], out, shown=len(bugs) == 1)
        if hunts[-1].campaign.interrupted:
            break
    console.print(hunt_table(hunts))
    for each in hunts:
        for remark in _remarks(each):
            console.print(f"{each.bug.id} {remark}", markup=False, highlight=False, soft_wrap=True)
    missed = [each.bug.id for each in hunts if not each.found]
    if missed:
        console.print(f"[bold red]not found[/] within {seconds:g} s: {', '.join(missed)}")
    longer = [each.bug.id for each in hunts if not each.is_explained()]
    if longer:
        text = f"[bold red]more than {TOLERATED_GAP} operations longer than the shortest[/], without an explanation: "
        console.print(text + ", ".join(longer))
    if missed or longer:
        raise SystemExit(1)


def _keep(console: Console, found: Hunt, out: Path, shown: bool) -> None:
    """Write the minimised trace of a found bug, and show it when it is the only one."""
    trace = found.campaign.trace(target_name(found.bug.id))
    if trace is None:
        return
    subject = subject_named(found.bug.machine)
    path = trace_path(out, trace, subject)
    write_trace(path, trace, subject.make_shapes(trace.parameters))
    if shown:
        show_replay(console, replay(subject, trace, found.bug.make_target))
        console.print(f"trace: {path}", markup=False, highlight=False, soft_wrap=True)


def _survey(console: Console, bugs: list[SeededBug], seconds: float, seeds: range, engine: Engine) -> None:
    """Hunt each bug with all seeds and tell how much luck it takes."""
    surveys: list[Survey] = []
    columns = (
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=len(bugs) * len(seeds))
        for bug in bugs:
            bar.update(task, description=f"{bug.id}: {escape(bug.title)}")
            surveys.append(survey(subject_named(bug.machine), bug, seconds, seeds, engine, lambda _: bar.advance(task)))
            if surveys[-1].interrupted:
                break
    console.print(survey_table(surveys))
    missed = False
    for each in surveys:
        for at, why in each.missed().items():
            missed = True
            console.print(f"{each.bug.id} with seed {at}: {why}", markup=False, highlight=False, soft_wrap=True)
    if surveys[-1].interrupted:
        console.print("[yellow]interrupted[/]: the figures are those of the hunts that were over")
    if missed:
        console.print(f"[bold red]not found[/] within {seconds:g} s by every seed")
        raise SystemExit(1)
    if surveys[-1].interrupted:
        raise SystemExit(130)


def survey_table(surveys: list[Survey]) -> Table:
    """One line a bug: in how many of the hunts it was found, by what, after how much."""
    table = Table(title="seeded bugs, each with many seeds", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("bug", no_wrap=True)
    table.add_column("what", overflow="fold")
    table.add_column("found", justify="right", no_wrap=True)
    table.add_column("by", overflow="fold")
    for heading in ("operations (worst)", "seconds (worst)"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in surveys:
        found, ran = len(each.found), len(each.hunts)
        count = f"{found} of {ran}" if found == ran else f"[red]{found} of {ran}[/]"
        oracles = ", ".join(f"{oracle} {times}" for oracle, times in each.oracles().most_common())
        table.add_row(each.bug.id, escape(each.bug.title), count, oracles, *_medians(each))
    return table


def _medians(each: Survey) -> tuple[str, ...]:
    """The median, and the worst, of operations and of seconds; empty when it was never found."""
    operations, seconds = each.operations(), each.seconds()
    if operations is None or seconds is None:
        return "", ""
    return f"{operations[0]:,.0f} ({operations[1]:,})", f"{seconds[0]:.2f} ({seconds[1]:.2f})"


def hunt_table(hunts: list[Hunt]) -> Table:
    """One line a bug."""
    table = Table(title="seeded bugs", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("bug", no_wrap=True)
    table.add_column("what", overflow="fold")
    table.add_column("found by", no_wrap=True)
    for heading in ("operations", "seconds", "length", "shortest"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in hunts:
        table.add_row(each.bug.id, escape(each.bug.title), *_figures(each))
    return table


def _figures(each: Hunt) -> tuple[str, ...]:
    """Oracle, operations and seconds until it was found, length when minimised, the shortest length."""
    finding, spent = each.campaign.finding, each.campaign
    least = each.shortest().operations
    shortest = "none" if least is None else str(least)
    if finding is None:
        return "[red]not found[/]", f"{spent.progress.operations:,}", f"{spent.seconds:.1f}", "", shortest
    oracle = finding.best().failure.oracle
    by = oracle if each.found else f"[red]{oracle}?[/]"
    length = str(each.length) if each.is_explained() else f"[red]{each.length}[/]"
    return by, f"{finding.after_operations:,}", f"{finding.after_seconds:.2f}", length, shortest


def _remarks(each: Hunt) -> Iterator[str]:
    """The failure's fingerprint, why there is no shortest trace, and why the minimised one is longer."""
    if each.campaign.finding is not None:
        yield each.campaign.finding.best().failure.fingerprint
    if each.shortest().reason:
        yield f"no shortest: {each.shortest().reason}"
    if each.gap() > TOLERATED_GAP and each.bug.gap:
        yield f"longer than the shortest: {each.bug.gap}"
