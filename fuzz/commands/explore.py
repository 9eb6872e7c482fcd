"""`kvproof explore`: search every reachable state at small sizes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click
from rich.console import Console
from rich.status import Status

from kvproof.fuzz.shell.checks import FINDING, INTERRUPTED, Checks, Task
from kvproof.fuzz.shell.options import WORKING_FOLDER, folder, parse_parameters
from kvproof.fuzz.subject import MachineError
from kvproof.fuzz.targets import DEFAULT_MACHINE
from kvproof.model.checking.explore import Exploration, Explored, explore
from kvproof.model.checking.verdict import Verdict
from kvproof.model.depth import account
from kvproof.model.machines import Bundle, UnknownMachine, load
from kvproof.spec.lang import LanguageError

CHECK = "exploration"


@click.command("explore")
@click.option("--machine", default=DEFAULT_MACHINE, show_default=True, help="A name, module:Class or file.py:Class.")
@click.option("--variant", "variants", multiple=True, metavar="ID", help="Explore only these variants; repeatable.")
@click.option("--sizes", multiple=True, metavar="NAME", help="Explore only at these named sizes; repeatable.")
@click.option(
    "--parameter", "parameters", metavar="NAME=INTEGER", multiple=True, help="Change a parameter; repeatable."
)
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), default=600.0, show_default=True, help="For all."
)
@click.option(
    "--out", type=click.Path(path_type=Path), callback=folder, default=WORKING_FOLDER / "traces", show_default=True
)
@click.pass_context
def command(
    context: click.Context,
    machine: str,
    variants: tuple[str, ...],
    sizes: tuple[str, ...],
    parameters: tuple[str, ...],
    seconds: float,
    out: Path,
) -> None:
    """Visit every reachable state, and find the shortest counterexample of every variant.

    With --variant and no --sizes only the variants are explored; with --sizes and no --variant only the machine itself.

    Exit status 0 when the machine is explored and every variant violated, 1 when anything is violated that should not be
    (or a variant is not, or an event, trial or branch is reached at none of the sizes), 3 when there was too little time.
    """
    console = Console()
    try:
        base = load(machine)
        tasks = list(_tasks(base, variants, sizes, parse_parameters(parameters)))
    except (UnknownMachine, LanguageError, ValueError) as error:
        raise MachineError(str(error)) from error
    checks = Checks(base, f"exploration of {machine}", ("states", "transitions", "depth", "seconds"), out)
    own: list[Explored] = []
    left = seconds
    try:
        for task in tasks:
            with console.status(f"{task.bundle.name} at {task.label}") as line:
                show = functools.partial(_show, line, task.bundle)
                found = explore(task.bundle, task.parameters, seconds=left, progress=show, depth=not task.is_variant)
            left = max(0.0, left - found.seconds)
            own += [] if task.is_variant else [found]
            figures = (f"{found.states:,}", f"{found.transitions:,}", str(found.depth), f"{found.seconds:.1f}")
            checks.add(task, found, figures, functools.partial(_held, found))
    except KeyboardInterrupt:
        console.print("interrupted; this is what was explored", style="yellow")
        checks.demand(INTERRUPTED)
    checks.show(console)
    checks.demand(_report_reach(console, base, own, complete=not variants and not sizes and checks.status == 0))
    context.exit(checks.status)


def _tasks(base: Bundle, variants: tuple[str, ...], sizes: tuple[str, ...], changes: dict[str, int]) -> Iterator[Task]:
    named = base.sizes.get("explore", {}) or {"default": base.parameters({})}
    for name in sizes:
        if name not in named:
            raise ValueError(f"there are no sizes {name!r}: choose from {', '.join(map(repr, named))}")
    if sizes or not variants:
        for label, values in named.items():
            if not sizes or label in sizes:
                yield Task(CHECK, base, label, _changed(base, values, changes), False)
    if variants or not sizes:
        for variant in variants or base.variants:
            bundle = base.variant(variant)
            yield Task(CHECK, bundle, variant, _changed(base, base.sizes["variants"][variant], changes), True)


def _changed(base: Bundle, values: Any, changes: dict[str, int]) -> Any:
    return base.parameters({**attrs.asdict(values), **changes})


def _show(line: Status, bundle: Bundle, found: Exploration) -> None:
    line.update(f"{bundle.name}: depth {found.depth}, {found.states:,} states, {found.transitions:,} transitions")


def _held(found: Explored) -> str:
    """What an exploration showed, or why it did not."""
    if found.verdict is not Verdict.EXPLORED:
        return "time is up"
    return "every rule, trial and invariant holds" if found.trials else "every rule and invariant holds"


def inherited_goals(base: Bundle) -> set[Any]:
    """Events, branches and trials that are those of the machine on which this one is built, where they are explored."""
    if not base.shipped.built_on:
        return set()
    reference = load(base.shipped.built_on).reference
    return {*reference.EVENTS, *reference.TRIALS, *reference.BRANCHES.values()}


def _report_reach(console: Console, base: Bundle, own: list[Explored], complete: bool) -> int:
    """Events, trials and branches of the machine that no size reached; a finding when all sizes were run."""
    if not own:
        return 0
    reached = set(itertools.chain.from_iterable(found.events for found in own))
    covered = set(itertools.chain.from_iterable(found.coverage for found in own))
    inherited = inherited_goals(base)
    missed = [f"event: {event}" for event in base.reference.EVENTS if event not in reached | inherited]
    waived = []
    tried = set(itertools.chain.from_iterable(found.trials for found in own))
    missed += [f"trial: {trial}" for trial in base.definition.trials() if trial not in tried | inherited]
    for number, (method, line, arm) in base.reference.BRANCHES.items():
        if number in covered or (method, line, arm) in inherited:
            continue
        reason = base.shipped.unexplored.get((method, arm))
        if reason is None:
            missed.append(f"branch: {method} line {line} {arm}")
        else:
            waived.append(f"{method} line {line} {arm}: {reason}")
    branches, events = len(base.reference.BRANCHES), len(base.reference.EVENTS)
    console.print(f"{len(covered)} of {branches} branches and {len(reached)} of {events} events reached at these sizes")
    goals = base.goals()
    deep = account(goals, set(itertools.chain.from_iterable(found.goals for found in own)), base.shipped.unreached)
    console.print(f"depth: {len(deep.reached)} of {len(goals)} goals reached at these sizes", highlight=False)
    for goal in deep.missed:
        console.print(f"  not reached: {goal}", style="yellow", markup=False, soft_wrap=True)
    for told in waived:
        console.print(f"  left to the proofs: {told}", highlight=False)
    for told in missed:
        console.print(f"  not reached: {told}", style="yellow")
    return FINDING if missed and complete else 0
