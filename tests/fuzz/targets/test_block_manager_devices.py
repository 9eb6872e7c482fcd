"""The memory that the block manager's targets use: several layers, files, whole copies for long replays."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kvproof.fuzz.campaign import Engine, Plan, run_campaign
from kvproof.fuzz.content import BYTES_PER_TOKEN, pattern
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.target import Operation
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, files, layered
from kvproof.fuzz.targets.devices import layered_pools, one_pool, pool_config, random_device, simulated_device
from kvproof.impl.device import Level, Stream

MACHINE = subject_named("block-manager")
OFFLOAD = (
    Operation("add", {"sequence": 0, "tokens": (0, 1, 1), "priority": 1}),
    Operation("finish", {"sequence": 0}),
    Operation("offload", {"tokens": (0, 1)}),
)
PARAMETERS = {**MACHINE.presets[-1], "primary_blocks": 3, "tokens_per_block": 2, "max_tokens": 4, "reuse": 1}


def offloaded(target: BlockManagerTarget) -> None:
    target.reset(PARAMETERS)
    for operation in OFFLOAD:
        target.pace("eager", 0)
        target.apply(operation)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_layers_have_bytes_of_their_own() -> None:
    assert len({pattern((1, 2, 3), 2, layer) for layer in range(4)}) == 4


def test_layer_0_has_the_bytes_of_a_single_layer() -> None:
    assert pattern((1, 2, 3), 2, 0) == pattern((1, 2, 3), 2)


def test_a_block_of_several_pools_has_the_bytes_of_all_its_layers() -> None:
    sizes = [pool_config(PARAMETERS, pools).block_bytes for pools in (one_pool, layered_pools)]
    assert sizes == [2 * BYTES_PER_TOKEN, 3 * 2 * BYTES_PER_TOKEN]


def test_a_host_block_is_in_a_file(folder: Path) -> None:
    with closing(files()) as target:
        offloaded(target)
        assert [path.read_bytes() for path in folder.rglob("slot-*.kv")] == [pattern((0, 1), 0)]


def test_files_are_removed_at_the_end_and_before_another_run(folder: Path) -> None:
    target = files()
    for _ in range(2):
        offloaded(target)
        assert len(list(folder.iterdir())) == 1
    target.close()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("make", [layered, files])
def test_the_sound_manager_agrees_on_such_memory(make: Callable[[], BlockManagerTarget]) -> None:
    run = run_campaign(MACHINE, make, Plan(60, 2, Engine.WALK, operations=600))
    assert (run.finding, run.progress.operations) == (None, 600)


def test_the_device_of_long_replays_needs_nobody_to_complete_its_work() -> None:
    config = pool_config(PARAMETERS)
    for device, arrives in ((random_device(config), True), (simulated_device(config), False)):
        loads = [device.load(Stream.COMPUTE, Level.PRIMARY, 0) for _ in range(50)]
        assert any(load.arrived() for load in loads) is arrives
