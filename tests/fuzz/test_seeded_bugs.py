"""Every seeded bug is found quickly, by an oracle that its mechanism explains, and its trace is short."""

from __future__ import annotations

import pytest

from kvproof.fuzz.bugs.m_57 import SoundManager
from kvproof.fuzz.bugs.seeded import seeded_bugs
from kvproof.fuzz.campaign import Engine, Plan, run_campaign
from kvproof.fuzz.hunt import hunt
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated, simulated_device

LONGEST = {"M-01": 3, "M-02": 3, "M-03": 4, "M-17": 4, "M-30": 7, "M-56": 7, "M-57": 11, "M-62": 4}
"""Longest acceptable minimised trace; the walk's seed is fixed, so these do not vary."""


def test_all_of_the_issue_are_there() -> None:
    assert set(LONGEST) <= set(seeded_bugs())


@pytest.mark.parametrize("name", LONGEST)
def test_it_is_found_minimised_and_gone_without_the_bug(name: str) -> None:
    bug = seeded_bugs()[name]
    subject = subject_named(bug.machine)
    result = hunt(subject, bug, seconds=60, seed=1)
    finding = result.campaign.finding
    assert finding is not None
    assert result.found, finding.failure.fingerprint
    best = finding.best()
    assert len(best.operations) <= LONGEST[name]
    with Lockstep(subject, simulated(), best.parameters) as lockstep:
        assert run(lockstep, best.operations) is None


def test_claim_after_swap_is_seen_by_step_validation_alone() -> None:
    class Unlogged(BlockManagerTarget):
        steps = None  # type: ignore[assignment]  # the optional method is not there

    from kvproof.fuzz.bugs.m_01 import ClaimAfterSwap

    subject = subject_named("block-manager")
    plan = Plan(seconds=30, engine=Engine.WALK, operations=1_500)
    campaign = run_campaign(subject, lambda: Unlogged(simulated_device, ClaimAfterSwap), plan)
    assert campaign.finding is None
    assert campaign.progress.events["a victim is offloaded"] > 0


def test_single_events_are_sound_while_keys_have_the_level() -> None:
    bug = seeded_bugs()["M-57"]
    plan = Plan(seconds=30, engine=Engine.WALK, operations=2_500, parameters=bug.parameters)
    campaign = run_campaign(
        subject_named("block-manager"), lambda: BlockManagerTarget(simulated_device, SoundManager), plan
    )
    assert campaign.finding is None
