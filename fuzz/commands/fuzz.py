"""`kvproof fuzz`."""

from __future__ import annotations

from pathlib import Path

import click
from hypothesis.configuration import set_hypothesis_home_dir
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from kvproof.fuzz.campaign import Campaign, Engine, Plan, run_campaign
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.pace import MODES
from kvproof.fuzz.replay import replay
from kvproof.fuzz.shell.options import WORKING_FOLDER, default_target, folder, parse_parameters
from kvproof.fuzz.shell.report import plain_list, show_campaign, show_finding
from kvproof.fuzz.subject import Subject
from kvproof.fuzz.target import HarnessError, load_target, reset_target
from kvproof.fuzz.targets import DEFAULT_MACHINE
from kvproof.fuzz.trace import trace_path, write_trace

TICKS_PER_UPDATE = 50
"""Operations between two updates of the progress bar; drawing it at each one would take most of the time."""


@click.command("fuzz")
@click.option("--machine", default=DEFAULT_MACHINE, show_default=True, help="A name, module:Class or file.py:Class.")
@click.option("--target", metavar="MODULE:ATTR", help="Or FILE.py:ATTR; the machine's own implementation by default.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True)
@click.option("--operations", type=click.IntRange(min=1), help="Stop after so many operations, if time allows.")
@click.option(
    "--until-accepted", is_flag=True, help="Go on until every operation was accepted, beyond --operations if need be."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--engine", type=click.Choice([e.value for e in Engine]), default=Engine.HYPOTHESIS.value, show_default=True
)
@click.option("--parameter", "parameters", metavar="NAME=INTEGER", multiple=True, help="Fix a parameter; repeatable.")
@click.option(
    "--refused", metavar="OPERATION", multiple=True, help="Cannot be accepted at these parameters; repeatable."
)
@click.option(
    "--without", metavar="OPERATION", multiple=True, help="Do not drive it: the target does not offer it; repeatable."
)
@click.option(
    "--schedule",
    type=click.Choice(list(MODES)),
    help="How pending work goes on beside the operations; one of these is drawn for each case by default.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), callback=folder, default=WORKING_FOLDER / "traces", show_default=True
)
def command(
    machine: str,
    target: str | None,
    seconds: float,
    operations: int | None,
    until_accepted: bool,
    seed: int,
    engine: str,
    parameters: tuple[str, ...],
    refused: tuple[str, ...],
    without: tuple[str, ...],
    schedule: str | None,
    out: Path,
) -> None:
    """Drive a specification and a target in lockstep until they differ or the time is over.

    In tests, count operations, not seconds: with --operations and --until-accepted a slow machine does no less.

    Exit status 1 on a divergence (its minimised trace is in --out) and when a rule never ran; 2 for bad input.
    """
    console = Console()
    subject = subject_named(machine)
    specifier = default_target(machine, target)
    for option, names in (("--refused", refused), ("--without", without)):
        unknown = set(names) - set(subject.operations)
        if unknown:
            known = ", ".join(subject.operations)
            raise HarnessError(f"{option} {min(unknown)}: {machine} has no such operation; it has {known}")
    plan = Plan(
        seconds,
        seed,
        Engine(engine),
        parse_parameters(parameters),
        operations,
        until_accepted=until_accepted,
        refused=frozenset(refused),
        without=frozenset(without),
        schedule=schedule,
    )
    subject.reference({**subject.defaults, **plan.parameters})
    probe = load_target(specifier)
    reset_target(probe, {**subject.defaults, **plan.parameters})
    probe.close()
    set_hypothesis_home_dir(WORKING_FOLDER / "hypothesis")
    console.print(f"{machine} against {specifier}, {engine}, seed {seed}", highlight=False)
    campaign = _run(console, subject, specifier, plan)
    path = None
    trace = campaign.trace(specifier)
    if trace is not None:
        path = trace_path(out, trace, subject)
        write_trace(path, trace, subject.make_shapes(trace.parameters))
    show_campaign(console, campaign)
    if campaign.finding is not None and trace is not None:
        show_finding(console, campaign.finding, replay(subject, trace, lambda: load_target(specifier)), path)
        raise SystemExit(1)
    _end(console, campaign)


def _run(console: Console, subject: Subject, specifier: str, plan: Plan) -> Campaign:
    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=plan.seconds)

        def tick(campaign: Campaign) -> None:
            count = campaign.progress.operations
            if count % TICKS_PER_UPDATE == 0:
                covered = f"{len(campaign.progress.branches)}/{len(subject.branches)} branches"
                text = f"{count:,} operations, {campaign.progress.accepted:,} accepted, {covered}"
                bar.update(task, completed=min(campaign.seconds, plan.seconds), description=text)

        return run_campaign(subject, lambda: load_target(specifier), plan, tick)


def _end(console: Console, campaign: Campaign) -> None:
    if campaign.interrupted:
        console.print("no divergence so far")
        raise SystemExit(130)
    idle = campaign.idle()
    if idle:
        told = plain_list([f"{name} {what}" for name, what in idle.items()])
        more = "--seconds" if campaign.seconds >= campaign.plan.seconds else "--operations, or --until-accepted"
        console.print(f"[bold red]the run has failed[/]: {told}; give it more {more}, or see why it is refused")
        raise SystemExit(1)
    console.print("[green]no divergence[/]")
