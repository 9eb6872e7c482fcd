"""`kvproof check`: prove a machine by induction, its theorems for all integers, and find each variant's counterexample."""

from __future__ import annotations

import functools
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import attrs
import click
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from kvproof.fuzz.shell.certify import certify
from kvproof.fuzz.shell.checks import FINDING, INTERRUPTED, UNKNOWN, Checks, Task
from kvproof.fuzz.shell.options import WORKING_FOLDER, engine_there, file, folder, parse_parameters
from kvproof.fuzz.subject import MachineError
from kvproof.fuzz.targets import DEFAULT_MACHINE
from kvproof.model.checking.bounded import check_bounded
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Finding, OperationReport, Report, Verdict, readable
from kvproof.model.depth import Depth, account
from kvproof.model.evidence import Evidence, EvidenceError, collect, read, write
from kvproof.model.machines import Bundle, UnknownMachine, load
from kvproof.model.solving.solver import ENGINES, default_engine
from kvproof.spec.lang import LanguageError

MACHINE_DEPTH = 6
"""Operations to which the bounded check of a machine goes when nothing else is said: each costs several times the last."""
VARIANT_DEPTH = 12
"""The same for a variant, which ends where its bug shows."""

MACHINE_DEPTH = 6
"""Operations to which the bounded check of a machine goes when nothing else is said: each costs several times the last."""
VARIANT_DEPTH = 12
"""The same for a variant, which ends where its bug shows."""


@click.command("check")
@click.option("--machine", default=DEFAULT_MACHINE, show_default=True, help="A name, module:Class or file.py:Class.")
@click.option("--variant", "variants", multiple=True, metavar="ID", help="Check only these variants; repeatable.")
@click.option("--sizes", multiple=True, metavar="NAME", help="Prove only at these named sizes; repeatable.")
@click.option(
    "--parameter", "parameters", metavar="NAME=INTEGER", multiple=True, help="Change a parameter; repeatable."
)
@click.option(
    "--depth", type=click.IntRange(min=1), help="Operations of the bounded check: by default 6, for a variant 12."
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    callback=engine_there,
    default=default_engine,
    show_default="cadical, or z3 where python-sat is not installed",
)
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), default=1800.0, show_default=True, help="For all."
)
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Operations proved at once.")
@click.option("--bounded", is_flag=True, help="Check the machine itself by bounded search too.")
@click.option(
    "--out", type=click.Path(path_type=Path), callback=folder, default=WORKING_FOLDER / "traces", show_default=True
)
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    callback=file,
    metavar="FILE",
    help="Keep what was proved in a file; the one beside the machine goes into its document.",
)
@click.option(
    "--certify",
    "certified",
    is_flag=True,
    help="Only the proofs by induction, each checked by a program that has nothing to do with the solver; with --record, "
    "what is certified is added to the evidence there, and what is in it already is left out.",
)
@click.option(
    "--checker",
    type=click.Choice(["own", "drat-trim"]),
    default="own",
    show_default=True,
    help="For --certify: the checker that comes with kvproof (needs a C++ compiler), or drat-trim from the PATH.",
)
@click.pass_context
def command(
    context: click.Context,
    machine: str,
    variants: tuple[str, ...],
    sizes: tuple[str, ...],
    parameters: tuple[str, ...],
    depth: int | None,
    engine: str,
    seconds: float,
    jobs: int,
    bounded: bool,
    out: Path,
    record: Path | None,
    certified: bool,
    checker: str,
) -> None:
    """Prove every rule, promise, trial and invariant by induction at small sizes, every theorem for all integers, and find
    each variant's shortest counterexample.

    With --variant and no --sizes only the variants are checked; with --sizes and no --variant only the machine itself is.
    With --certify only the proofs are, by two programs (--seconds is the solver's budget for each sizes then).

    Exit status 0 when the machine is proved and every variant violated, 1 when anything is violated that should not be, a
    variant is not, a proof is vacuous, or (without --sizes) no size accepts an operation or reaches a goal of depth; 3 when
    the time was too short to tell.
    """
    console = Console()
    if certified and default_engine() != "cadical":
        raise MachineError("--certify checks the proofs by CaDiCaL, which is not installed: pip install python-sat")
    if certified and (variants or parameters or bounded or engine != "cadical"):
        raise MachineError("--certify is about the proofs by CaDiCaL at named sizes: leave the other options out")
    if record is not None and (variants or parameters or (sizes and not certified)):
        raise MachineError("--record keeps the evidence of a whole check: leave --variant, --sizes and --parameter out")
    try:
        base = load(machine)
        tasks = list(_tasks(base, variants, sizes, parse_parameters(parameters), bounded))
    except (UnknownMachine, LanguageError, ValueError) as error:
        raise MachineError(str(error)) from error
    if certified:
        proved = {task.label: task.parameters for task in tasks if task.check == "induction"}
        context.exit(certify(base, proved, console=console, checker=checker, seconds=seconds, jobs=jobs, record=record))
    checks = Checks(base, f"{machine}, {engine}", ("seconds", "clauses"), out)
    proofs: dict[str, Report] = {}
    theorems: dict[str, str] = {}
    goals = base.goals()
    reached: set[str] = set()
    deadline = time.monotonic() + seconds
    try:
        if sizes or not variants:
            _theorems(base, checks, deadline, theorems)
        for task in tasks:
            left = max(0.1, deadline - time.monotonic())
            with console.status(f"{task.check}: {task.bundle.name} at {task.label}") as line:
                report = _run(task, engine, left, depth, jobs, line, goals - reached)
            if task.check == "induction":
                proofs[task.label] = report
                reached.update(report.goals)
            figures = (f"{report.seconds:.1f}", f"{report.clauses:,}")
            told = checks.add(task, report, figures, functools.partial(_held, task, report))
            if not console.is_terminal:  # where no status line is seen, as in CI, each check says that it is over
                console.print(f"{told}, {report.seconds:.1f} s", highlight=False, soft_wrap=True)
            for finding in report.findings if report.verdict is Verdict.NOT_INDUCTIVE else ():
                _show_state(console, finding)
    except LanguageError as error:  # what has no circuit at these sizes
        raise MachineError(str(error)) from error
    except KeyboardInterrupt:
        console.print("interrupted; this is what was checked", style="yellow")
        checks.demand(INTERRUPTED)
    checks.show(console)
    _report_reach(console, list(proofs.values()))
    never = _never_accepted(list(proofs.values()))
    if never:
        uncovered = f"accepted at none of these sizes, so not covered by the proofs: {', '.join(never)}"
        console.print(uncovered, style="yellow" if sizes else "red")
        if not sizes:  # who names sizes asks for these and no others
            checks.demand(FINDING)
    reach = account(goals, reached, base.shipped.unreached)
    if proofs and not _report_depth(console, reach, told=bool(sizes or parameters)):
        checks.demand(0 if sizes or parameters else FINDING)
    silent = _never_shown(base, list(proofs.values())) if not sizes and checks.status == 0 else []
    if silent:
        console.print(f"no proof comes to them, so nothing is shown of them: {', '.join(silent)}", style="red")
        checks.demand(FINDING)
    if record is not None and checks.status == 0:
        shown = collect(base.definition, engine, proofs.items(), theorems, checks.broken)
        before = _before(record)
        if before is not None and before.specification == shown.specification:
            shown = attrs.evolve(shown, certified=before.certified)
        write(shown, record)
        console.print(f"kept in {record}")
    elif record is not None:
        console.print(f"{record} is left as it was: only a check without findings is kept", style="yellow")
    context.exit(checks.status)


def _before(record: Path) -> Evidence | None:
    """The evidence that a file has had; none where it was something else."""
    try:
        return read(record)
    except EvidenceError:
        return None


def _never_accepted(proofs: list[Report]) -> list[str]:
    """The operations that every proof found switched off."""
    return [name for name in (proofs[0].off if proofs else ()) if all(name in report.off for report in proofs)]


def _never_shown(base: Bundle, proofs: list[Report]) -> list[str]:
    """Promises that no proof comes to and steps that none takes: nothing is shown of those, nor of the steps' rules.

    Those of the machine that this one extends are shown there.
    """
    reached = {goal for report in proofs for one in report.operations for goal in one.reached}
    definition, elsewhere = base.definition, load(base.shipped.built_on).definition if base.shipped.built_on else None
    names = [f"promise {promise}" for promise in definition.promises()]
    names += [f"step {step}" for step in definition.of_kind("step")]
    inherited = set()
    if elsewhere is not None:
        inherited = {f"promise {promise}" for promise in elsewhere.promises()}
        inherited |= {f"step {step}" for step in elsewhere.of_kind("step")}
    return [name for name in names if proofs and name not in reached and name not in inherited]


def _theorems(base: Bundle, checks: Checks, deadline: float, verdicts: dict[str, str]) -> None:
    """A row for each theorem."""
    # z3 takes a while to load, and few commands need it
    from kvproof.model.checking.theorem import check_theorems

    for report in check_theorems(base.definition, max(0.1, deadline - time.monotonic())):
        verdicts[report.theorem] = report.verdict.value
        what = "for all integers" if report.verdict is Verdict.PROVED else report.told
        checks.row(f"theorem: {report.theorem}", report.verdict.value, what, f"{report.seconds:.1f}", "")
        if not report.verdict.passes:
            checks.demand(UNKNOWN if report.verdict is Verdict.UNKNOWN else FINDING)


def _tasks(
    base: Bundle, variants: tuple[str, ...], sizes: tuple[str, ...], changes: dict[str, int], bounded: bool
) -> Iterator[Task]:
    named = dict(base.sizes.get("induction", {})) or {"default": base.parameters({})}
    for name in sizes:
        if name not in named:
            raise ValueError(f"there are no sizes {name!r}: choose from {', '.join(map(repr, named))}")

    def changed(values: Any) -> Any:
        return base.parameters({**attrs.asdict(values), **changes})

    for variant in variants or (() if sizes else base.variants):
        values = base.sizes["variants"].get(variant) if variant in base.variants else None
        bundle = base.variant(variant)
        yield Task("bounded", bundle, variant, changed(values or next(iter(named.values()))), True)
    if sizes or not variants:
        for label, values in named.items():
            if not sizes or label in sizes:
                yield Task("induction", base, label, changed(values), False)
        for label, values in base.sizes.get("bounded", {}).items() if bounded else ():
            yield Task("bounded", base, label, changed(values), False)


def _run(
    task: Task, engine: str, seconds: float, depth: int | None, jobs: int, line: Status, goals: Collection[str]
) -> Report:
    definition = task.bundle.definition
    if task.check == "bounded":

        def deeper(reached: int, spent: float) -> None:
            line.update(f"bounded: {task.bundle.name} at {task.label}: safe to depth {reached}, {spent:.0f} s")

        depth = depth or (VARIANT_DEPTH if task.is_variant else MACHINE_DEPTH)
        return check_bounded(
            definition,
            task.parameters,
            depth=depth,
            engine=engine,
            seconds=seconds,
            progress=deeper,
            operations=task.bundle.checked(),
        )
    done: list[str] = []

    def proved(result: OperationReport) -> None:
        done.append(f"{result.operation} {result.verdict.value}")
        line.update(f"induction: {task.bundle.name} at {task.label}: {', '.join(done)}")

    return check_induction(
        definition, task.parameters, engine=engine, seconds=seconds, jobs=jobs, progress=proved, goals=goals
    )


def _held(task: Task, report: Report) -> str:
    """What a check showed, or why it did not."""
    if report.verdict is Verdict.PROVED:
        rules = len(task.bundle.definition.rules())
        promises = len(task.bundle.definition.promises())
        invariants = len(task.bundle.definition.of_kind("invariant"))
        stated = (
            f"{rules} rules, {promises} promises and {invariants} invariants"
            if promises
            else (f"{rules} rules and {invariants} invariants")
        )
        trials = sum(1 for one in report.operations if one.operation in task.bundle.definition.trials())
        tried = f" and {trials} trials" if trials else ""
        told = f"{stated}, {len(report.operations) - trials} operations{tried}"
        return f"{told}; switched off: {', '.join(report.off)}" if report.off else told
    undecided = [one.operation for one in report.operations if one.verdict is Verdict.UNKNOWN]
    return report.message or (f"undecided: {', '.join(undecided)}" if undecided else report.summary())


def _show_state(console: Console, finding: Finding) -> None:
    """A counterexample to induction: a state that the invariants allow, and the operation that leaves them."""
    console.print(
        f"[bold]{escape(str(finding))}[/bold]\n  in a state that satisfies every invariant (it need not be reachable):"
    )
    for name, value in (finding.state or {}).items():
        console.print(f"    {name} = {readable(value)}", highlight=False, markup=False)
    console.print("  so an invariant is missing, or there is a bug")


def _report_reach(console: Console, proofs: list[Report]) -> None:
    """Branches, rejections and events that no state of any proof leads to: nothing was shown about them."""
    if not proofs:
        return
    reached = {goal for report in proofs for goal in report.reached}
    missed = sorted({goal for report in proofs for goal in report.unreached} - reached)
    console.print(f"{len(reached)} branches, rejections and events are reached from states that satisfy the invariants")
    if missed:
        console.print("not reached at any of these sizes, so not covered by the proofs:", style="yellow")
    for goal in missed:
        console.print(f"  {goal}", style="yellow")


def _report_depth(console: Console, depth: Depth, told: bool) -> bool:
    """How deep the proofs go; whether every goal is reached but those of which the machine says why not.

    Where sizes were named by the caller, only the number is told: others may reach the rest.
    """
    total = len(depth.reached) + len(depth.missed) + len(depth.waived)
    waived = f", {len(depth.waived)} cannot be, as the machine says" if depth.waived else ""
    console.print(f"depth: {len(depth.reached)} of {total} goals are reached{waived}", highlight=False)
    if told:
        return not depth.missed
    for goal in depth.missed:
        console.print(f"  shallow, as no proof reaches it: {goal}", style="red", markup=False, soft_wrap=True)
    if depth.missed:
        console.print(
            "  give sizes that reach it, or say in `unreached` of its declaration why nothing can", markup=False
        )
    for pattern in depth.idle:
        problem = "reached, or no goal at all, though the machine says that nothing reaches it"
        console.print(f"  {problem}: {pattern}", style="red", markup=False, soft_wrap=True)
    return not depth.missed and not depth.idle
