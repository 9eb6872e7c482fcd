"""What the trials of the sequence caches show (S-10) is shown of them alone: for each there is a machine that fails it."""

from __future__ import annotations

from typing import Any

import pytest

from kvproof.model.checking.induction import check_induction
from kvproof.model.machines import load
from kvproof.spec.lang import compile_machine
from kvproof.spec.sequence_caches import SequenceCaches, SequenceCachesParameters
from kvproof.spec.sequence_caches.kinds import PRIMARY, STATE, Cache, Count, Group, Ordinal, Text
from kvproof.spec.sequence_caches.variants import VARIANTS

SMALL = {"caches": 2, "blocks_max": 2, "chunks": 1, "tokens_per_block": 1, "priorities": 1, "gate_percent": 100}


class ForgetsWhatItGives(SequenceCaches):
    """A window that slides on is thought to leave nothing behind."""

    def is_enough(self, group: Group, count: int, vacated: int, dropped: int, kept: int) -> bool:
        return count <= self.vacant[0][group] + self.droppable(0, group) + min(
            self.queued(0, group) - self.droppable(0, group), self.room_on(1, group)
        )


class WantsOneMore(SequenceCaches):
    """A resume is refused unless one slot more than it needs can be had."""

    def can_bring_up(self, cache: Cache, group: Group, more: Count) -> bool:
        return self.brings_up(cache, group, more + 1)

    def brings_up(self, cache: Cache, group: Group, more: int) -> bool:
        """What it needs, by the counters."""
        return self.missing(cache, group, 1) + more <= self.vacant[0][group] + self.queued(0, group)


class ResumesAnything(SequenceCaches):
    """No resume is refused for want of room."""

    def can_bring_up(self, cache: Cache, group: Group, more: int) -> bool:
        return True


class SnapshotsWhereVacant(SequenceCaches):
    """A snapshot is taken only into a vacant slot."""

    def take_snapshot(self, cache: Cache, ordinal: Ordinal, path: Text) -> None:
        if (
            self.history[cache] == (ordinal + 1) * self.params.tokens_per_block
            and path not in self.known[STATE]
            and self.vacant[PRIMARY][self.group_of_kind(STATE)] > 0
        ):
            page = self.new_page(STATE, self.page_priority[cache])
            self.link(page, path)
            self.settle(page)


WRONG: dict[str, tuple[type[SequenceCaches], dict[str, int]]] = {
    "obtain-what-is-free": (VARIANTS["X-07"], {"primary_slots": 2, "secondary_slots": 1}),
    "grow-where-it-fits": (
        ForgetsWhatItGives,
        {"primary_slots": 3, "secondary_slots": 0, "window_tokens": 1, "caches": 1},
    ),
    "snapshot-where-it-fits": (
        SnapshotsWhereVacant,
        {"primary_slots": 2, "secondary_slots": 0, "state_primary": 2, "caches": 1},
    ),
    "resume-what-fits": (WantsOneMore, {"primary_slots": 1, "secondary_slots": 1, "blocks_max": 1}),
    "resume-only-what-fits": (ResumesAnything, {"primary_slots": 1, "secondary_slots": 1, "blocks_max": 1}),
}
"""For each promise of a trial a machine that breaks it, and the sizes at which that shows."""


@pytest.mark.parametrize("promise", sorted(WRONG))
def test_a_trial_of_the_sequence_caches_can_fail(promise: str) -> None:
    cls, changes = WRONG[promise]
    sizes = SequenceCachesParameters(**{**SMALL, **changes})
    definition = compile_machine(cls)
    trial = next(name for name, method in definition.trials().items() if promise in method.literals("ensure", 1))
    report = check_induction(definition, sizes, operations=[trial])
    assert promise in [finding.rule for finding in report.findings]


def test_every_promise_of_a_trial_is_broken_by_some_machine() -> None:
    trials: Any = load("sequence-caches").definition.trials().values()
    assert set(WRONG) == {promise for trial in trials for promise in trial.literals("ensure", 1)}
