"""Hunting seeded bugs: does the harness find each, how soon, and by which oracle?"""

from __future__ import annotations

from attrs import frozen

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.campaign import Campaign, Engine, Plan, run_campaign
from kvproof.fuzz.subject import Subject


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


def hunt(subject: Subject, bug: SeededBug, seconds: float, seed: int, engine: Engine = Engine.WALK) -> Hunt:
    """Fuzz the implementation with the bug planted, then minimise.

    Raises:
        TargetError: the broken implementation could not be made.
    """
    plan = Plan(seconds, seed, engine, bug.parameters)
    return Hunt(bug, run_campaign(subject, bug.make_target, plan))
