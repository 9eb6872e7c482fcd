"""What the happens-before check promises: a program without races has one outcome, whatever completes when."""

from __future__ import annotations

from typing import Any

import pytest
from device_programs import BLOCK_BYTES, SLOTS, TOKENS, Running, prepare, program

from kvproof.impl.device import SCHEDULES, Pool, ScheduleName, SimulatedDevice

LENGTH = 14
SEEDS = range(90)
LAYERED = (Pool(layer_bytes=4, layer_first=True), Pool(layer_bytes=4))


def outcome(seed: int, **how: Any) -> tuple[list[bytes], int]:
    """All bytes after a program, and its number of races."""
    running = Running(SimulatedDevice(SLOTS, SLOTS, BLOCK_BYTES, tokens_per_block=TOKENS, **how))
    prepare(running)
    for submit in program(seed, LENGTH):
        submit(running)
    running.device.synchronize()
    return running.image(), len(running.device.races)


WAYS = [(schedule, granule_bytes) for schedule in SCHEDULES for granule_bytes in (None, 3)]
FREE = [seed for seed in SEEDS if not outcome(seed)[1]]
RACY = [seed for seed in SEEDS if seed not in FREE]


def test_there_are_programs_of_both_kinds() -> None:
    assert min(len(FREE), len(RACY)) > 10


@pytest.mark.parametrize("pools", [None, LAYERED], ids=["one pool", "two pools"])
@pytest.mark.parametrize(("schedule", "granule_bytes"), WAYS)
def test_program_without_races_has_one_outcome(
    schedule: ScheduleName, granule_bytes: int | None, pools: tuple[Pool, ...] | None
) -> None:
    for seed in FREE:
        found = outcome(seed, schedule=schedule, granule_bytes=granule_bytes, pools=pools)
        assert found == outcome(seed, pools=pools)


def test_adversary_changes_the_bytes_of_most_programs_with_a_race() -> None:
    changed = [seed for seed in RACY if outcome(seed, schedule="adversarial")[0] != outcome(seed)[0]]
    assert len(changed) > len(RACY) // 2


@pytest.mark.parametrize(("schedule", "granule_bytes"), WAYS)
def test_races_do_not_depend_on_what_completes_when(schedule: ScheduleName, granule_bytes: int | None) -> None:
    for seed in RACY:
        assert outcome(seed, schedule=schedule, granule_bytes=granule_bytes)[1] == outcome(seed)[1]
