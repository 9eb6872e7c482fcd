"""What the command line shows: tables of a campaign, of a replay, of a finding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kvproof.fuzz.campaign import Campaign, Finding
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Progress
from kvproof.fuzz.replay import Comparison, Replay, Row, schedule_text, steps_text
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import render

UNCOVERED_SHOWN = 12
"""Branches never taken that are listed; more say no more."""


def parameters_text(parameters: Parameters) -> str:
    """Parameters in one line."""
    return ", ".join(f"{name}={value}" for name, value in parameters.items())


def show_campaign(console: Console, campaign: Campaign) -> None:
    """Operations, refusals, coverage and events of a run."""
    progress = campaign.progress
    rate = progress.operations / campaign.seconds if campaign.seconds else 0.0
    console.print(
        f"{progress.operations:,} operations ({progress.accepted:,} accepted) in {campaign.cases:,} cases, "
        f"{campaign.seconds:.1f} s ({rate:,.0f}/s); {progress.steps:,} steps validated, "
        f"{progress.contents:,} blocks of bytes compared"
    )
    if progress.paces:
        paces = ", ".join(f"{mode} for {count:,}" for mode, count in sorted(progress.paces.items()))
        console.print(f"schedules: {paces} operations; {progress.completed:,} pieces of work completed during them")
    console.print(_operation_table(campaign.subject, progress))
    if campaign.plan.without:
        console.print(f"not driven: {', '.join(sorted(campaign.plan.without))}", highlight=False)
    _show_coverage(console, campaign.subject, progress, told=campaign.finding is None)
    _show_events(console, campaign.subject, progress)
    if campaign.interrupted:
        console.print("[yellow]interrupted[/]: the figures are those of the part that ran")


def _operation_table(subject: Subject, progress: Progress) -> Table:
    table = Table(title="rules", title_justify="left")
    table.add_column("operation")
    table.add_column("run", justify="right")
    table.add_column("accepted", justify="right")
    table.add_column("refused with")
    for name in subject.operations:
        refusals = sorted(
            ((error, count) for (of, error), count in progress.refusals.items() if of == name),
            key=lambda pair: -pair[1],
        )
        reasons = ", ".join(f"{error} {count:,}" for error, count in refusals)
        table.add_row(
            escape(name),
            f"{progress.attempts.get(name, 0):,}",
            f"{progress.acceptances.get(name, 0):,}",
            escape(reasons),
        )
    return table


def _show_coverage(console: Console, subject: Subject, progress: Progress, told: bool) -> None:
    total = len(subject.branches)
    if not total:
        return
    missed = [branch for branch in sorted(subject.branches) if branch not in progress.branches]
    console.print(
        f"branches of the specification: {total - len(missed)} of {total} ({(total - len(missed)) / total:.0%})"
    )
    for branch in missed[: UNCOVERED_SHOWN if told else 0]:
        method, line, text = subject.branches[branch]
        console.print(f"  never taken: {method}, line {line}: {text}", markup=False, highlight=False)
    if told and len(missed) > UNCOVERED_SHOWN:
        console.print(f"  and {len(missed) - UNCOVERED_SHOWN} more")


def _show_events(console: Console, subject: Subject, progress: Progress) -> None:
    for event in dict.fromkeys((*subject.events, *progress.events)):
        count = progress.events.get(event, 0)
        colour = "" if count else "[yellow]"
        console.print(f"  sometimes: {colour}{escape(event)}{'[/]' if colour else ''}: {count:,}", highlight=False)


def show_finding(console: Console, finding: Finding, again: Replay, path: Path | None) -> None:
    """The divergence: how it was found, the minimised sequence step by step, what differs."""
    best = finding.best()
    console.print(
        f"\n[bold red]divergence[/] after {finding.after_operations:,} operations, {finding.after_seconds:.1f} s; "
        f"{len(finding.operations)} operations, minimised to {len(best.operations)}"
    )
    show_replay(console, again)
    if path is not None:
        console.print(f"trace: {path}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"again: kvproof replay {path}", markup=False, highlight=False, soft_wrap=True)


def show_replay(console: Console, result: Replay) -> None:
    """Each operation with its outcome, the steps that it took and what completed during it, and the failure."""
    console.print(f"{result.trace.machine}: {parameters_text(result.trace.parameters)}", highlight=False)
    table = Table()
    table.add_column("#", justify="right")
    table.add_column("operation")
    table.add_column("outcome")
    table.add_column("steps")
    scheduled = any(row.operation.schedule is not None for row in result.rows)
    if scheduled:
        table.add_column("completes")
    for row in result.rows:
        cells = [str(row.index), escape(str(row.operation)), _outcome_text(row), escape(steps_text(row.steps))]
        table.add_row(*cells, *([escape(schedule_text(row))] if scheduled else []))
    console.print(table)
    if result.failure is not None:
        show_failure(console, result.failure)


def _outcome_text(row: Row) -> str:
    text = escape(str(row.outcome))
    return f"{text}\n[bold red]{row.failure.oracle} oracle[/]" if row.failure is not None else text


def show_failure(console: Console, failure: Failure) -> None:
    """What the oracle objected to."""
    console.print(f"[bold red]{failure.oracle} oracle[/] at operation {failure.operation}: {escape(failure.message)}")
    console.print(f"  expected: {_shown(failure.expected)}", markup=False, highlight=False)
    console.print(f"  actual:   {_shown(failure.actual)}", markup=False, highlight=False)
    console.print(f"  fingerprint: {failure.fingerprint}", markup=False, highlight=False)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    return render(value)


VERDICTS = {
    Comparison.SAME: "[red]still fails in the same way[/]",
    Comparison.DIFFERENT: "[red]fails, but not in the way that was recorded[/]",
    Comparison.NEW: "[red]fails, though no failure was recorded[/]",
    Comparison.GONE: "[green]no longer fails[/]",
    Comparison.PASSES: "[green]passes[/], as recorded",
}


def show_verdict(console: Console, result: Replay) -> None:
    """The last line of a replay."""
    console.print(f"verdict: {VERDICTS[result.verdict]}")
    recorded = result.trace.failure
    if result.verdict is Comparison.DIFFERENT and recorded is not None and result.failure is not None:
        console.print(f"  recorded: {recorded.fingerprint}", markup=False, highlight=False)
        console.print(f"  now:      {result.failure.fingerprint}", markup=False, highlight=False)


def plain_list(items: Sequence[str]) -> str:
    """`a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else "none"
