"""Hunting seeded bugs: does the harness find each, how soon, by which oracle, and how near to the shortest trace?"""

from __future__ import annotations

from functools import lru_cache

from attrs import frozen

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.campaign import Campaign, Engine, Plan, run_campaign
from kvproof.fuzz.shrinking.minimise import RUNS_BUDGET
from kvproof.fuzz.subject import Subject
from kvproof.model import machines
from kvproof.model.checking.explore import explore
from kvproof.model.checking.verdict import Verdict

EXPLORING_SECONDS = 60.0
"""For the shortest trace of one variant; each takes a few seconds at the sizes chosen for it."""

TOLERATED_GAP = 2
"""A minimised trace that is longer than the shortest by more than this needs an explanation."""


@frozen
class Shortest:
    """The fewest operations in which the specification with the same bug breaks a rule."""

    operations: int | None = None
    """None when that is not known."""
    reason: str = ""
    """Why it is not."""

    def __str__(self) -> str:
        return self.reason if self.operations is None else str(self.operations)


@lru_cache(maxsize=256)
def shortest(machine: str, variant: str) -> Shortest:
    """By exhaustive search at the sizes that the machine has for the variant, so that no shorter one exists there.

    Without trials: lockstep has none.
    """
    bundle = machines.load(machine)
    if variant not in bundle.variants:
        return Shortest(reason="the specification has no such variant")
    found = explore(bundle.variant(variant), bundle.sizes["variants"][variant], EXPLORING_SECONDS, trials=False)
    if found.finding is not None:
        return Shortest(len(found.finding.calls))
    if found.verdict is Verdict.EXPLORED:
        return Shortest(reason="it breaks no rule: only a trial fails")
    return Shortest(reason=f"none of up to {found.depth} operations in {found.seconds:.0f} s")


@frozen
class Hunt:
    """One bug, and the run that looked for it."""

    bug: SeededBug
    campaign: Campaign

    @property
    def found(self) -> bool:
        """A divergence, seen by an oracle that this bug's mechanism can explain."""
        finding = self.campaign.finding
        return finding is not None and finding.best().failure.oracle in self.bug.oracles

    @property
    def length(self) -> int | None:
        """Operations of the minimised trace."""
        finding = self.campaign.finding
        return None if finding is None else len(finding.best().operations)

    def shortest(self) -> Shortest:
        """What exhaustive search gives for the same bug in the specification; it runs at the first call."""
        if self.bug.no_variant:
            return Shortest(reason=self.bug.no_variant)
        return shortest(self.bug.machine, self.bug.id)

    def gap(self) -> int:
        """Operations that the minimised trace has more than the shortest; 0 when either is not known, or when it has less.

        It may have less: the shortest is of the sizes at which the variant is explored.
        """
        least = self.shortest().operations
        return 0 if least is None or self.length is None else max(0, self.length - least)

    def is_explained(self) -> bool:
        """Is the trace about as short as can be, or is it known why it is not?"""
        return self.gap() <= TOLERATED_GAP or bool(self.bug.gap)


def hunt(
    subject: Subject,
    bug: SeededBug,
    seconds: float,
    seed: int,
    engine: Engine = Engine.WALK,
    minimising_runs: int = RUNS_BUDGET,
) -> Hunt:
    """Fuzz the implementation with the bug planted, then minimise.

    Raises:
        TargetError: the broken implementation could not be made.
    """
    plan = Plan(seconds, seed, engine, bug.parameters, minimising_runs=minimising_runs, without=bug.without)
    return Hunt(bug, run_campaign(subject, bug.make_target, plan))
