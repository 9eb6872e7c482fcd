"""What `check` and `explore` share: the checks to run, one table of what came of them, and what it means for the status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kvproof.fuzz.shell.counterexample import settle
from kvproof.model.checking.verdict import Report, Verdict
from kvproof.model.machines import Bundle

FINDING = 1
UNKNOWN = 3
INTERRUPTED = 130


@attrs.frozen
class Task:
    """One check to run."""

    check: str
    """"induction", "bounded" or "exploration"."""
    bundle: Bundle
    label: str
    parameters: Any
    is_variant: bool
    """Then a violation is what is wanted, of what the variant says that it breaks, if it says so."""


class Checks:
    """The checks of one command as they are made: rows of a table, and the exit status that they ask for."""

    def __init__(self, base: Bundle, title: str, figures: tuple[str, ...], out: Path) -> None:
        """`figures`: columns at the right, numbers; `out`: a folder for the traces of counterexamples."""
        self._base = base
        self._out = out
        self._table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
        for column in ("check", "verdict", "what"):
            self._table.add_column(column, overflow="fold")
        for column in figures:
            self._table.add_column(column, justify="right")
        self.status = 0
        self.broken: dict[str, str] = {}
        """What each variant breaks, by label."""

    def add(self, task: Task, report: Report, figures: tuple[str, ...], held: Callable[[], str]) -> str:
        """A check that was made; `held` tells what was shown, when nothing was found. Returns its row's first two cells.

        Raises:
            Disagreement: a counterexample cannot be executed, or the implementation of the repaired machine fails in it.
        """
        status, what = self._settled(task, report, held)
        self.demand(status)
        verdict = report.summary().partition(":")[0]
        told = f"{task.check}: {task.label}"
        self._table.add_row(told, verdict, escape(what), *figures)  # a subscript is no markup
        return f"{told}: {verdict}"

    def row(self, *cells: str) -> None:
        """A row about something else."""
        self._table.add_row(*cells)

    def demand(self, status: int) -> None:
        """The exit status is at least this."""
        self.status = max(self.status, status)

    def show(self, console: Console) -> None:
        """Print the table."""
        console.print(self._table)

    def _settled(self, task: Task, report: Report, held: Callable[[], str]) -> tuple[int, str]:
        """The exit status that a check asks for, and what it found or showed."""
        finding = report.finding if report.verdict is Verdict.VIOLATED else None
        if finding is None:
            if report.verdict is Verdict.UNKNOWN:
                return UNKNOWN, held()
            return (FINDING if task.is_variant or not report.verdict.passes else 0), held()
        settled = settle(self._base, task.bundle, task.parameters, finding.calls, SETTLED[task.check], self._out)
        kept = "; the implementation survives" if settled.implementation else ""
        self.broken[task.label] = settled.broken
        what = f"{settled.broken} in {len(finding.calls)} operations{kept}"
        if not task.is_variant:
            return FINDING, what
        declared = task.bundle.definition.cls.BREAKS
        if declared and settled.broken not in declared:
            return FINDING, f"{what}; but the variant says that it breaks {' or '.join(declared)}"
        return 0, what


SETTLED = {"bounded": "bounded check", "exploration": "exploration"}
"""The origin of a counterexample's trace, by the check that found it."""
