"""How much luck does it take to find a seeded bug? One bug, hunted with many seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from statistics import median

from attrs import define, field

from kvproof.fuzz.bugs.hunt import Hunt, hunt
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.campaign import Engine
from kvproof.fuzz.subject import Subject


@define
class Survey:
    """The hunts for one bug, one a seed. Nothing is minimised."""

    bug: SeededBug
    hunts: list[Hunt] = field(factory=list)
    """Those that ran to their end, in the order of their seeds."""
    interrupted: bool = False

    @property
    def found(self) -> list[Hunt]:
        """The hunts that found the bug, by an oracle that its mechanism can explain."""
        return [each for each in self.hunts if each.found]

    def missed(self) -> dict[int, str]:
        """The seeds of the others, and what became of each."""
        told = {}
        for each in self.hunts:
            finding = each.campaign.finding
            if finding is None:
                told[each.campaign.plan.seed] = f"not found in {each.campaign.progress.operations:,} operations"
            elif not each.found:
                told[each.campaign.plan.seed] = f"another failure: {finding.failure.fingerprint}"
        return told

    def oracles(self) -> Counter[str]:
        """How often each oracle found it."""
        return Counter(each.campaign.finding.failure.oracle for each in self.found if each.campaign.finding)

    def operations(self) -> tuple[float, int] | None:
        """Median and worst number of operations until it was found; None when it never was."""
        counts = [each.campaign.finding.after_operations for each in self.found if each.campaign.finding]
        return (median(counts), max(counts)) if counts else None

    def seconds(self) -> tuple[float, float] | None:
        """Median and worst number of seconds until it was found; None when it never was."""
        times = [each.campaign.finding.after_seconds for each in self.found if each.campaign.finding]
        return (median(times), max(times)) if times else None


def survey(
    subject: Subject,
    bug: SeededBug,
    seconds: float,
    seeds: Iterable[int],
    engine: Engine = Engine.WALK,
    after: Callable[[Survey], None] | None = None,
) -> Survey:
    """Hunt a bug with each seed, for as many seconds each; `after` is called after every hunt.

    Ctrl-C ends it and keeps the hunts that are over.

    Raises:
        TargetError: the broken implementation could not be made.
    """
    result = Survey(bug)
    try:
        for seed in seeds:
            one = hunt(subject, bug, seconds, seed, engine, minimising_runs=0)
            if one.campaign.interrupted and one.campaign.finding is None:
                result.interrupted = True
                break
            result.hunts.append(one)
            if after is not None:
                after(result)
    except KeyboardInterrupt:
        result.interrupted = True
    return result
