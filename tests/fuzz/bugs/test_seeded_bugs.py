"""Every seeded bug is found quickly, by an oracle that its mechanism explains, and its trace is short."""

from __future__ import annotations

from typing import Any, cast

import pytest
from attrs import evolve
from click.testing import CliRunner

from kvproof.fuzz.bugs.hunt import Hunt, Shortest, hunt, shortest
from kvproof.fuzz.bugs.seeded import seeded_bugs, target_name
from kvproof.fuzz.bugs.transfers.m57_events_keyed_without_level import WithoutWaitForWriter
from kvproof.fuzz.campaign import Campaign, Engine, Finding, Plan, run_campaign
from kvproof.fuzz.commands import bugs as bugs_command
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.target import Target, load_target
from kvproof.fuzz.targets import DEFAULT_TARGETS, sequence_caches
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, files, layered, simulated_device
from kvproof.fuzz.targets.transfers import TransfersTarget
from kvproof.impl.block_manager import BlockManager
from kvproof.model import machines

SEED = 1

MINIMISING_RUNS = 100
"""Enough for the lengths below, with the seeds above; `kvproof bugs` takes many more."""

HARDER = dict.fromkeys(("M-10", "M-24", "M-29", "M-32", "M-34", "M-57", "M-58", "M-63", "X-14", "V2-24", "V2-26"), 400)
"""More of them, where that many stop short of the length."""

LONGEST = {
    "M-01": 3,
    "M-02": 3,
    "M-03": 5,
    "M-04": 5,
    "M-06": 3,
    "M-07": 3,
    "M-08": 4,
    "M-10": 4,
    "M-11": 5,
    "M-17": 4,
    "M-18": 6,
    "M-19": 6,
    "M-20": 8,
    "M-22": 4,
    "M-24": 5,
    "M-26": 4,
    "M-29": 6,
    "M-30": 7,
    "M-31": 4,
    "M-32": 5,
    "M-34": 5,
    "M-36": 3,
    "M-37": 3,
    "M-38": 6,
    "M-44": 3,
    "M-48": 4,
    "M-51": 4,
    "M-53": 3,
    "M-54": 4,
    "M-55": 4,
    "M-56": 6,
    "M-57": 3,
    "M-58": 3,
    "M-59": 3,
    "M-61": 4,
    "M-62": 4,
    "M-63": 9,
    "M-64": 3,
    "M-65": 4,
    "M-75": 5,
    "V2-13": 4,
    "V2-20": 3,
    "V2-01": 8,
    "V2-03": 10,
    "V2-05": 9,
    "V2-07": 10,
    "V2-10": 9,
    "V2-12": 9,
    "V2-13-caches": 8,
    "V2-17": 9,
    "V2-18": 6,
    "V2-20-caches": 8,
    "V2-25": 5,
    "X-01": 8,
    "X-02": 8,
    "X-03": 4,
    "X-04": 5,
    "X-05": 4,
    "X-06": 8,
    "X-07": 8,
    "X-10": 10,
    "X-11": 9,
    "X-12": 9,
    "X-13": 8,
    "X-14": 8,
    "X-15": 4,
    "X-16": 4,
    "V2-02": 10,
    "V2-04": 4,
    "V2-06": 6,
    "V2-08": 12,
    "V2-09": 4,
    "V2-14": 8,
    "V2-15": 8,
    "V2-21": 4,
    "V2-22": 3,
    "V2-23": 9,
    "V2-24": 9,
    "V2-26": 9,
    "X-21": 8,
    "X-22": 13,
    "X-23": 6,
    "X-24": 9,
    "X-25": 14,
    "X-26": 18,
    "X-27": 12,
    "X-28": 12,
    "X-29": 10,
    "X-32": 1,
    "X-31": 2,
    "X-34": 7,
    "X-33": 3,
}
"""Longest acceptable minimised trace, at most two operations above the shortest of a variant.

The walk's seed is fixed, so these do not vary.
"""

OTHER_SEEDS = range(100, 103)

UNLUCKY = (
    *("M-56", "M-59", "M-61", "M-63", "M-64", "M-65", "V2-13", "V2-20", "X-34", "X-33"),
    *("V2-13-caches", "X-11", "X-12"),
)
"""Bugs of transfers, which must be found with any seed: `kvproof bugs --seeds` counts with more."""

SOUND = {"M-64": layered, "V2-20": layered, "M-65": files, "V2-20-caches": sequence_caches.layered}
"""The same device without the bug, where the default target has another."""

COUNT_BUG, PIN_BUG = "M-06", "M-02"


def test_all_of_the_issues_are_there() -> None:
    assert set(LONGEST) == set(seeded_bugs())


@pytest.mark.parametrize("name", LONGEST)
def test_it_stands_in_the_folder_of_its_machine_under_its_own_number(name: str) -> None:
    bug = seeded_bugs()[name]
    folder, file = target_name(name).partition(":")[0].rsplit(".", 2)[1:]
    assert folder == bug.machine.replace("-", "_")
    series, number = name.removesuffix("-caches").lower().split("-")
    assert file.startswith((f"{series}{number}_", f"{series}_{number}_"))


def test_its_target_can_be_named() -> None:
    assert isinstance(load_target(target_name(COUNT_BUG)), BlockManagerTarget)


@pytest.mark.parametrize("name", LONGEST)
def test_it_is_found_minimised_and_gone_without_the_bug(name: str) -> None:
    bug = seeded_bugs()[name]
    subject = subject_named(bug.machine)
    result = hunt(subject, bug, seconds=60, seed=bug.seed, minimising_runs=HARDER.get(name, MINIMISING_RUNS))
    finding = result.campaign.finding
    assert finding is not None
    assert result.found, finding.failure.fingerprint
    best = finding.best()
    assert len(best.operations) <= LONGEST[name]
    for parameters, operations in (
        (finding.parameters, finding.operations),
        (best.parameters, best.operations),
    ):
        target = SOUND[name]() if name in SOUND else load_target(DEFAULT_TARGETS[bug.machine])
        with Lockstep(subject, target, parameters) as lockstep:
            assert run(lockstep, operations) is None


@pytest.mark.parametrize("name", UNLUCKY)
def test_it_takes_no_luck_to_find(name: str) -> None:
    bug = seeded_bugs()[name]
    for seed in OTHER_SEEDS:
        assert hunt(subject_named(bug.machine), bug, seconds=60, seed=seed, minimising_runs=0).found, seed


@pytest.mark.parametrize("name", ["M-56", "M-59", "M-61", "V2-13", "V2-13-caches", "X-11"])
def test_a_missing_wait_is_seen_by_bytes_alone(name: str) -> None:
    bug = seeded_bugs()[name]

    def make_target() -> Target:
        target: Any = bug.make_target()
        target.races = None  # the optional method is not there
        return cast(Target, target)

    found = hunt(subject_named(bug.machine), evolve(bug, make_target=make_target), 60, SEED, minimising_runs=0)
    assert found.campaign.finding is not None
    assert found.campaign.finding.failure.oracle == "content"


@pytest.mark.parametrize("name", LONGEST)
def test_it_has_a_variant_or_a_reason_for_none(name: str) -> None:
    bug = seeded_bugs()[name]
    assert (name in machines.load(bug.machine).variants) != bool(bug.no_variant)


def test_claim_after_swap_is_seen_by_step_validation_alone() -> None:
    class Unlogged(BlockManagerTarget):
        steps = None  # type: ignore[assignment]  # the optional method is not there

    from kvproof.fuzz.bugs.block_manager.m01_claim_after_swap import ClaimAfterSwap

    subject = subject_named("block-manager")
    plan = Plan(seconds=30, engine=Engine.WALK, operations=1_500)
    campaign = run_campaign(subject, lambda: Unlogged(simulated_device, ClaimAfterSwap), plan)
    assert campaign.finding is None
    assert campaign.progress.events["a victim is offloaded"] > 0


def test_a_metric_clamped_at_zero_hides_nothing_from_the_harness() -> None:
    found = hunt(subject_named("block-manager"), seeded_bugs()[COUNT_BUG], 30, SEED, minimising_runs=0)
    assert found.campaign.finding is not None
    assert found.campaign.finding.failure.fingerprint.startswith("observation:used.")


def test_single_events_are_sound_while_keys_have_the_level() -> None:
    bug = seeded_bugs()["M-57"]
    plan = Plan(seconds=30, engine=Engine.WALK, operations=2_500, parameters=bug.parameters, without=bug.without)
    campaign = run_campaign(subject_named("transfers"), lambda: TransfersTarget(WithoutWaitForWriter), plan)
    assert campaign.finding is None


def test_the_shortest_trace_is_that_of_the_variant() -> None:
    assert shortest("block-manager", "M-37") == Shortest(1)


def test_a_machine_without_the_variant_has_no_shortest_trace() -> None:
    assert shortest("block-manager", "M-56").operations is None


def _hunt(length: int, gap: str = "") -> Hunt:
    """M-02, as if it had been found by so many operations."""
    bug = evolve(seeded_bugs()[PIN_BUG], gap=gap)
    subject = subject_named(bug.machine)
    plan = Plan(seconds=30, seed=SEED, engine=Engine.WALK, parameters=bug.parameters, minimising_runs=0)
    finding = run_campaign(subject, bug.make_target, plan).finding
    assert finding is not None
    operations = (finding.operations * length)[:length]
    shown = Finding(finding.parameters, operations, finding.failure, length, 0.1)
    return Hunt(bug, Campaign(subject, plan, finding=shown))


def test_a_trace_up_to_two_operations_longer_needs_no_explanation() -> None:
    assert _hunt(5).is_explained()


def test_a_longer_trace_is_not_explained_by_itself() -> None:
    assert not _hunt(6).is_explained()


def test_a_longer_trace_may_be_explained() -> None:
    assert _hunt(6, gap="seen late").is_explained()


def test_the_command_fails_for_a_long_trace_that_nothing_explains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bugs_command, "hunt", lambda *_: _hunt(6))
    monkeypatch.setattr(bugs_command, "_keep", lambda *_, **__: None)
    result = CliRunner().invoke(bugs_command.command, [PIN_BUG])
    assert result.exit_code == 1
    assert "longer than the shortest" in result.output


def test_the_unbroken_manager_is_no_seeded_bug() -> None:
    sound = evolve(seeded_bugs()[PIN_BUG], make_target=lambda: BlockManagerTarget(simulated_device, BlockManager))
    result = hunt(subject_named(sound.machine), sound, seconds=1, seed=SEED)
    assert not result.found
