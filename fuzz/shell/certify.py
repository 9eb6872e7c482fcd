"""`kvproof check --certify`: the proofs of a machine once more, each checked by a program that has nothing to do with the
solver."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from kvproof.fuzz.subject import MachineError
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import OperationReport, Report, Verdict
from kvproof.model.evidence import Certified, Evidence, EvidenceError, read, write
from kvproof.model.machines import Bundle
from kvproof.model.solving.certificate import Certifier, NoChecker, NotCertified, find_checker
from kvproof.model.solving.proof import NoProof, check_proofs

COVERED = (
    "certified: at these sizes every answer that something is impossible follows from the machine's circuit by unit "
    "propagation, as {checker} has checked, so it rests neither on the solver nor on its clauses. Not covered: that the "
    "circuit says what the machine says, which tests compare, and the theorems."
)


def certify(
    base: Bundle,
    sizes: Mapping[str, Any],
    *,
    console: Console,
    checker: str,
    seconds: float,
    jobs: int,
    record: Path | None,
) -> int:
    """Prove the machine at each of `sizes`, have each proof checked, and add that to the evidence in `record`; what is
    certified there is left out. `seconds` is the budget of the solver for each sizes.

    Returns the exit status: 0 when all is certified, 1 when something is not proved or a proof is refused, 3 when the time
    was too short.

    Raises:
        MachineError: no proof can be written or checked here, or `record` is no evidence about this machine.
    """
    table = Table(title=f"{base.name}, certificates", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("sizes", overflow="fold")
    table.add_column("verdict", overflow="fold")
    for column in ("queries", "clauses", "lemmas", "seconds"):
        table.add_column(column, justify="right")
    status = 0
    with tempfile.TemporaryDirectory(prefix="kvproof-") as folder:
        try:
            check_proofs(Path(folder))
            found = find_checker(Path(folder), checker)
        except (NoChecker, NoProof) as error:
            raise MachineError(str(error)) from error
        evidence = None if record is None else _evidence(base, record)
        certifier = Certifier(found, Path(folder))
        try:
            for label, parameters in sizes.items():
                if evidence is not None and evidence.certificates_at(label, attrs.asdict(parameters)) is not None:
                    console.print(f"{label}: certified in {record} already", highlight=False, soft_wrap=True)
                    continue
                report = _proved(base, label, parameters, certifier, seconds, jobs, console)
                if report is None:
                    return 1
                status = max(status, 0 if report.verdict.passes else 3 if report.verdict is Verdict.UNKNOWN else 1)
                _tell(table, label, report, console)
                if evidence is not None and record is not None and report.verdict is Verdict.PROVED:
                    one = Certified(label, report.sizes, found.name, report.certificates)
                    evidence = evidence.with_certified(one)
                    write(evidence, record)
        except KeyboardInterrupt:
            kept = "" if record is None else f"; what was certified is kept in {record}, say the same again to go on"
            console.print(f"interrupted{kept}", style="yellow")
            status = 130
    console.print(table)
    if status == 0:
        console.print(COVERED.format(checker=found.name), highlight=False)
    return status


def _evidence(base: Bundle, record: Path) -> Evidence:
    try:
        evidence = read(record)
    except EvidenceError as error:
        raise MachineError(str(error)) from error
    if evidence is None or evidence.specification != base.definition.digest():
        raise MachineError(
            f"{record} has no evidence about {base.name} as it is now: write it with kvproof check --record, without "
            "--certify, and then certify it"
        )
    return evidence


def _proved(
    base: Bundle, label: str, parameters: Any, certifier: Certifier, seconds: float, jobs: int, console: Console
) -> Report | None:
    """The report on one size; None, with the reason told, where a proof is refused."""
    done: list[str] = []
    with console.status(f"{base.name} at {label}") as line:

        def progress(one: OperationReport) -> None:
            done.append(one.operation)
            line.update(f"{base.name} at {label}: {', '.join(done)}")

        try:
            return check_induction(
                base.definition, parameters, seconds=seconds, jobs=jobs, progress=progress, certifier=certifier
            )
        except NotCertified as error:
            console.print(
                f"{label}: {error}\nwhat is called proved at these sizes is not to be believed: a defect of kvproof or of "
                "its solver, not of the machine; please report it",
                style="red",
                highlight=False,
                soft_wrap=True,
            )
            return None


def _tell(table: Table, label: str, report: Report, console: Console) -> None:
    verdict = "proved, certified" if report.verdict is Verdict.PROVED else report.summary()
    numbers = [sum(getattr(one, what) for one in report.certificates) for what in ("queries", "clauses", "lemmas")]
    table.add_row(label, verdict, *(f"{number:,}" for number in numbers), f"{report.seconds:.1f}")
    if not console.is_terminal:
        console.print(
            f"{label}: {verdict}, {numbers[0]:,} queries, {report.seconds:.1f} s", highlight=False, soft_wrap=True
        )
