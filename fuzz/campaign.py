"""A fuzz run: many cases of lockstep within a number of seconds, and what came out of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

from attrs import define, field, frozen
from hypothesis.errors import HypothesisException

from kvproof.fuzz.drawing.novelty import Novelty
from kvproof.fuzz.drawing.walk import Case, case_seed, walk_case
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep, Progress, run
from kvproof.fuzz.pace import check_mode
from kvproof.fuzz.shrinking.minimise import RUNS_BUDGET, Candidate, Minimiser
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import Abilities, HarnessError, Operation, Target
from kvproof.fuzz.trace import Trace


class Engine(Enum):
    """What draws the operations."""

    HYPOTHESIS = "hypothesis"
    WALK = "walk"


@frozen
class Plan:
    """What to run. The same plan on the same code draws the same operations; seconds only say when to stop."""

    seconds: float = 10.0
    seed: int = 0
    engine: Engine = Engine.HYPOTHESIS
    parameters: Parameters = field(factory=dict)
    """Parameters that are given; the others are drawn for each case."""
    operations: int | None = None
    """Stop after this many operations, if the seconds allow them."""
    until_accepted: bool = False
    """Stop no sooner than every operation has run and was accepted; without `operations`, stop then."""
    minimising_runs: int = RUNS_BUDGET
    refused: frozenset[str] = frozenset()
    """Operations that these parameters cannot allow: the run fails when one is accepted, not when none is."""
    without: frozenset[str] = frozenset()
    """Operations that are not driven at all, because the target does not offer them."""
    schedule: str | None = None
    """The mode in which pending work goes on (see `kvproof.fuzz.pace`); None draws one for each case."""


@define
class Finding:
    """A failure, as it was found and as it was minimised (`smallest` is None when that was interrupted)."""

    parameters: Parameters
    operations: tuple[Operation, ...]
    failure: Failure
    after_operations: int
    after_seconds: float
    smallest: Candidate | None = None

    def best(self) -> Candidate:
        """The shortest form there is."""
        return self.smallest or Candidate(self.parameters, self.operations, self.failure)


@define
class Campaign:
    """The result of a run."""

    subject: Subject
    """The machine without the operations that are not driven."""
    plan: Plan
    progress: Progress = field(factory=Progress)
    cases: int = 0
    seconds: float = 0.0
    finding: Finding | None = None
    interrupted: bool = False

    def idle(self) -> dict[str, str]:
        """Operations that were never drawn or never accepted, and which of the two: a run that has some has failed.

        So has a run in which an operation is accepted that the plan says must be refused.
        """
        attempts, acceptances = self.progress.attempts, self.progress.acceptances
        told = {}
        for name in self.subject.operations:
            if not attempts.get(name):
                told[name] = "was never drawn"
            elif name in self.plan.refused and acceptances.get(name):
                told[name] = "was accepted, though it was said to be refused always"
            elif name not in self.plan.refused and not acceptances.get(name):
                told[name] = "was never accepted"
        return told

    def enough(self) -> bool:
        """Whether the plan asks for no more operations."""
        plan, progress = self.plan, self.progress
        least = plan.operations or (1 if plan.until_accepted else float("inf"))
        if progress.operations < least:
            return False
        return not plan.until_accepted or all(
            (progress.attempts if name in plan.refused else progress.acceptances).get(name)
            for name in self.subject.operations
        )

    def passed(self) -> bool:
        """No divergence, and every rule ran (which is not asked of a run that was interrupted)."""
        return self.finding is None and (self.interrupted or not self.idle())

    def trace(self, target: str | None) -> Trace | None:
        """The finding as a trace."""
        if self.finding is None:
            return None
        best = self.finding.best()
        return Trace(
            self.subject.name,
            self.subject.digest,
            target,
            dict(best.parameters),
            best.operations,
            best.failure,
            self.plan.seed,
            "fuzz",
        )


class _Over(BaseException):
    """Ends a run from inside an engine; no engine may take it for a failure of the test."""


Tick = Callable[[Campaign], None]
"""Called after every operation with the run so far, to show progress."""


def run_campaign(subject: Subject, make_target: Callable[[], Target], plan: Plan, tick: Tick | None = None) -> Campaign:
    """Fuzz until the first failure or the end of the plan. Ctrl-C ends it and keeps what was found.

    Raises:
        TargetError: the target could not be made, reset or closed.
        MachineError: the plan's parameters are not allowed, or it leaves out an operation that there is not.
        HarnessError: the plan names a mode of the schedule, and there is no such mode, or the target has no schedule.
    """
    _check_schedule(plan.schedule, make_target)
    subject = subject.without(plan.without)
    campaign = Campaign(subject, plan)
    subject.reference({**subject.defaults, **plan.parameters})
    start = time.monotonic()

    def watch(case: Case) -> None:
        campaign.seconds = time.monotonic() - start
        if case.failure is not None:
            campaign.finding = Finding(
                case.parameters,
                tuple(case.operations),
                case.failure,
                campaign.progress.operations,
                campaign.seconds,
            )
            raise _Over
        if tick is not None:
            tick(campaign)
        if campaign.seconds >= plan.seconds or campaign.enough():
            raise _Over

    engine = _hypothesis if plan.engine is Engine.HYPOTHESIS else _walk
    try:
        engine(campaign, make_target, watch)
    except _Over:
        pass
    except KeyboardInterrupt:
        campaign.interrupted = True
    if campaign.finding is not None and not campaign.interrupted:
        _minimise(campaign, campaign.finding, make_target)
    return campaign


def _check_schedule(mode: str | None, make_target: Callable[[], Target]) -> None:
    """A mode that nothing would keep to is an error, not a run without it."""
    if mode is None:
        return
    check_mode(mode)
    target = make_target()
    if not Abilities.of(target).schedule:
        raise HarnessError(f"schedule {mode!r}: {type(target).__name__} has no schedule; ask for none")


def _minimise(campaign: Campaign, finding: Finding, make_target: Callable[[], Target]) -> None:
    plan = campaign.plan
    minimiser = Minimiser(campaign.subject, make_target, plan.minimising_runs, schedule=plan.schedule)
    try:
        if finding.failure.oracle == "invariant":  # engines test these now and then only: find where it broke first
            with Lockstep(campaign.subject, make_target(), finding.parameters) as lockstep:
                finding.failure = run(lockstep, finding.operations) or finding.failure
        finding.smallest = minimiser.minimise(finding.parameters, finding.operations, finding.failure)
    except KeyboardInterrupt:
        campaign.interrupted = True


def _walk(campaign: Campaign, make_target: Callable[[], Target], watch: Callable[[Case], None]) -> None:
    target, novelty, plan = make_target(), Novelty(), campaign.plan
    while True:
        seed = case_seed(plan.seed, campaign.cases)
        campaign.cases += 1
        for case in walk_case(
            campaign.subject, target, seed, campaign.progress, plan.parameters, novelty=novelty, mode=plan.schedule
        ):
            watch(case)


def _hypothesis(campaign: Campaign, make_target: Callable[[], Target], watch: Callable[[Case], None]) -> None:
    from kvproof.fuzz.drawing.stateful import machine_class, run_batch  # half a second, which only this engine needs

    plan = campaign.plan
    batch = 0
    over = False
    scheduled = Abilities.of(make_target()).schedule

    def watch_and_count(case: Case) -> None:
        nonlocal over
        campaign.cases += not case.operations
        try:
            watch(case)
        except _Over:
            over = True
            raise

    while True:
        machine = machine_class(
            campaign.subject,
            make_target,
            campaign.progress,
            watch_and_count,
            plan.parameters,
            scheduled=scheduled,
            mode=plan.schedule,
        )
        try:
            run_batch(machine, case_seed(plan.seed, batch))
        except HypothesisException as error:
            if not over:
                raise
            raise _Over from error  # it takes the end of the run, which depends on the clock, for flakiness
        batch += 1
