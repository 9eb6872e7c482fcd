"""The block manager's target lets lockstep decide when copies and kernels complete, and looks without changing that."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kvproof.fuzz.bugs.block_manager.m59_copies_do_not_wait_for_passes import CopiesBesideKernels
from kvproof.fuzz.bugs.block_manager.m63_sender_reads_old_place import BUG as SENDER_BUG
from kvproof.fuzz.bugs.block_manager.v2_13_copies_wait_for_another_stream import PassesElsewhere
from kvproof.fuzz.bugs.block_manager.x34_old_page_table import BUG as STALE_BUG
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.campaign import Engine, Plan, run_campaign
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.pace import MODES, Pace
from kvproof.fuzz.target import Operation
from kvproof.fuzz.targets.block_manager import (
    BlockManagerTarget,
    ManagerFactory,
    layered,
    simulated,
    simulated_device,
    two_forward_streams,
)
from kvproof.fuzz.targets.devices import layered_pools
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.device import SimulatedDevice

MACHINE = subject_named("block-manager")

PARAMETERS = {
    **MACHINE.presets[-1],
    "primary_blocks": 2,
    "secondary_blocks": 2,
    "tokens_per_block": 2,
    "sequences": 2,
    "max_tokens": 4,
    "vocabulary": 4,
    "priorities": 1,
    "default_priority": 0,
    "offload_threshold": 0,
    "pins_max": 1,
    "reuse": 1,
    "partial_reuse": 0,
    "batch_max": 1,
    "ranges_max": 0,
    "budget_max": 0,
    "duration_max": 0,
    "extra_ids": 1,
}


def add(sequence: int, *tokens: int) -> Operation:
    return Operation("add", {"sequence": sequence, "tokens": tokens, "priority": 0})


def on(sequence: int, name: str) -> Operation:
    return Operation(name, {"sequence": sequence})


def path(name: str, *tokens: int) -> Operation:
    return Operation(name, {"tokens": tokens})


OFFLOADED = (add(0, 0, 1), on(0, "finish"), path("offload", 0, 1), path("estimate", 0, 1))


class Raceless(BlockManagerTarget):
    """Only the bytes tell."""

    races = None  # type: ignore[assignment]  # the optional method is not there


def failure_at(pace: Pace, make_manager: ManagerFactory, *operations: Operation) -> Failure | None:
    with Lockstep(MACHINE, Raceless(simulated_device, make_manager), PARAMETERS) as lockstep:
        return next((found for each in operations if (found := lockstep.apply(each, pace)) is not None), None)


def test_a_missing_wait_shows_in_the_bytes_when_work_is_late_and_reordered() -> None:
    found = failure_at(Pace("adversarial"), CopiesBesideKernels, *OFFLOADED)
    assert found is not None
    assert found.fingerprint == "content:bytes:offload"


def test_the_same_missing_wait_does_not_show_when_all_work_completes_at_once() -> None:
    assert failure_at(Pace("eager"), CopiesBesideKernels, *OFFLOADED) is None


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [simulated, layered])
def test_the_sound_manager_is_right_at_every_pace(make: Callable[[], BlockManagerTarget], mode: str) -> None:
    with Lockstep(MACHINE, make(), {**PARAMETERS, "primary_blocks": 3}) as lockstep:
        for number, operation in enumerate(
            (*OFFLOADED, path("pin_path", 0, 1), add(0, 0, 1, 2), add(1, 3, 3), on(0, "finish"), add(0, 2, 2))
        ):
            assert lockstep.apply(operation, Pace(mode, number)) is None


def test_what_completes_is_told_and_followed() -> None:
    def picks(target: BlockManagerTarget) -> list[str]:
        found = target.schedule()
        assert found is not None
        return found

    first, second = simulated(), simulated()
    taken = []
    for target in (first, second):
        target.reset(PARAMETERS)
    for number, operation in enumerate(OFFLOADED):
        first.pace("drawn", number)
        first.apply(operation)
        taken.append(picks(first))
        second.follow(taken[-1])
        second.apply(operation)
        assert picks(second) == taken[-1]
    assert any(taken)


def test_nothing_completes_at_a_lazy_pace_and_looking_changes_nothing() -> None:
    devices: list[SimulatedDevice] = []

    def make_device(*arguments: object) -> SimulatedDevice:
        devices.append(simulated_device(*arguments))  # type: ignore[arg-type]
        return devices[-1]

    target = BlockManagerTarget(make_device)
    target.reset(PARAMETERS)
    for operation in OFFLOADED:
        target.pace("lazy", 0)
        target.apply(operation)
        assert target.schedule() == []
        pending = devices[0].pending
        assert target.contents() == target.contents()
        assert devices[0].pending == pending
    assert target.schedule_ahead() != []


@pytest.mark.parametrize(
    ("mode", "order"), [("lazy", ["offload", "offload"]), ("adversarial", ["offload:1", "offload"])]
)
def test_a_look_ahead_has_the_mode_of_the_pace(mode: str, order: list[str]) -> None:
    target = simulated()
    target.reset(PARAMETERS)
    for operation in OFFLOADED:
        target.pace(mode, 0)
        target.apply(operation)
    target.contents()
    assert [pick for pick in target.schedule_ahead() if pick.startswith("offload")] == order


def test_a_read_is_looked_at_until_it_has_arrived() -> None:
    target = simulated()
    target.reset(PARAMETERS)

    def reads() -> int:
        return sum("as the kernel" in content.where for content in target.contents())

    seen = []
    for operation, mode in (
        (add(0, 0, 1, 2), "lazy"),
        (Operation("append", {"sequence": 0, "tokens": (3,)}), "lazy"),
        (on(0, "store"), "lazy"),
        (path("estimate", 0), "eager"),
        (path("estimate", 0), "eager"),
    ):
        target.pace(mode, 0)
        target.apply(operation)
        seen.append(reads())
    assert seen == [0, 0, 2, 2, 0]


def test_passes_run_on_the_forward_streams_in_turn() -> None:
    target = simulated()
    target.reset(PARAMETERS)
    taken: list[str] = []
    for operation in (
        add(0, 0, 1, 2),
        on(0, "store"),
        Operation("append", {"sequence": 0, "tokens": (3,)}),
        *OFFLOADED,
    ):
        target.pace("eager", 0)
        target.apply(operation)
        taken += target.schedule() or []
    assert {"compute", "execution"} <= set(taken)


def test_a_pinned_path_is_sent() -> None:
    target = simulated()
    target.reset(PARAMETERS)
    for operation in (add(0, 0, 1), on(0, "finish"), path("pin_path", 0, 1), add(1, 2), on(1, "finish")):
        target.pace("lazy", 0)
        target.apply(operation)
    assert [content.path for content in target.contents() if "as the sender read it" in content.where] == [(0, 1)]


def test_each_layer_is_compared_with_its_own_bytes() -> None:
    target = layered()
    target.reset(PARAMETERS)
    for operation in OFFLOADED:
        target.pace("eager", 0)
        target.apply(operation)
    contents = target.contents()
    assert [content.layer for content in contents] == [0, 1, 2]
    assert contents[1].where.startswith("layer 1 of the block cached for [0, 1] (SECONDARY slot ")
    assert len({content.data for content in contents}) == 3


def test_bytes_of_another_layer_are_seen() -> None:
    class Mixed(BlockManagerTarget):
        def reset(self, parameters: object) -> None:
            super().reset(parameters)  # type: ignore[arg-type]
            self._passes.block = lambda where, tokens, start, data: [  # type: ignore[method-assign]
                content._replace(layer=2 - content.layer)
                for content in type(self._passes).block(self._passes, where, tokens, start, data)
            ]

    target = Mixed(simulated_device, BlockManager, layered_pools)
    with Lockstep(MACHINE, target, PARAMETERS) as lockstep:
        found = run(lockstep, OFFLOADED)
    assert found is not None
    assert found.message.startswith("after finish(sequence=0), layer 0 of the block")


@pytest.mark.parametrize("bug", [STALE_BUG, SENDER_BUG], ids=lambda bug: bug.id)
def test_a_trace_of_wrong_bytes_says_in_which_order_work_completed(bug: SeededBug) -> None:
    plan = Plan(60, 1, Engine.WALK, bug.parameters, minimising_runs=50, without=bug.without)
    finding = run_campaign(MACHINE, bug.make_target, plan).finding
    assert finding is not None
    best = finding.best()
    for parameters, operations, failure in (
        (finding.parameters, finding.operations, finding.failure),
        (best.parameters, best.operations, best.failure),
    ):
        assert all(operation.schedule is not None for operation in operations)
        with Lockstep(MACHINE, bug.make_target(), parameters) as lockstep:
            again = run(lockstep, operations)
        assert again is not None
        assert again.fingerprint == failure.fingerprint


def test_a_manager_whose_copies_ignore_one_forward_stream_is_found_on_that_stream_alone() -> None:
    operations = (add(0, 0, 1), on(0, "finish"), add(0, 2, 3), on(0, "finish"), path("offload", 2, 3))
    target = BlockManagerTarget(simulated_device, two_forward_streams(PassesElsewhere))
    with Lockstep(MACHINE, target, PARAMETERS) as lockstep:
        found = run(lockstep, operations)
    assert found is not None
    assert found.fingerprint == "race:offload-read-after-execution-write:offload"
    with Lockstep(MACHINE, BlockManagerTarget(simulated_device, PassesElsewhere), PARAMETERS) as lockstep:
        assert run(lockstep, operations) is None
