"""The sequence caches in lockstep with their specification on CUDA devices: on host memory, and on a GPU where one is."""

from __future__ import annotations

from functools import partial

from kvproof.fuzz.bugs.sequence_caches.x13_lock_does_not_wait_for_the_copy import BUG as LOCK_BUG
from kvproof.fuzz.bugs.sequence_caches.x13_lock_does_not_wait_for_the_copy import PagesNotThereYet
from kvproof.fuzz.campaign import Campaign, Engine, Plan, run_campaign
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.subject import Parameters
from kvproof.fuzz.target import Operation
from kvproof.fuzz.targets.page_bytes import layered_plane_pools
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget, cuda_group
from kvproof.impl.device.cuda_driver import CudaDriver
from kvproof.impl.sequence_caches import SequenceCaches

MACHINE = subject_named("sequence-caches")
OPERATIONS = 400


def target_on(driver: CudaDriver, caches_type: type[SequenceCaches]) -> SequenceCachesTarget:
    return SequenceCachesTarget(caches_type, partial(cuda_group, driver=driver), layered_plane_pools)


def campaign(driver: CudaDriver, caches_type: type[SequenceCaches], parameters: Parameters) -> Campaign:
    plan = Plan(120, 1, Engine.WALK, parameters, operations=OPERATIONS, minimising_runs=0)
    return run_campaign(MACHINE, lambda: target_on(driver, caches_type), plan)


def test_the_caches_agree_with_the_specification(driver: CudaDriver) -> None:
    run = campaign(driver, SequenceCaches, {})
    assert (run.finding, run.progress.operations) == (None, OPERATIONS)
    assert run.progress.contents > OPERATIONS


def test_a_missing_wait_is_found(driver: CudaDriver) -> None:
    finding = campaign(driver, PagesNotThereYet, LOCK_BUG.parameters).finding
    assert finding is not None
    assert finding.failure.oracle == "race"


def test_there_is_no_schedule_to_record(driver: CudaDriver) -> None:
    target = target_on(driver, SequenceCaches)
    target.reset(MACHINE.defaults)
    target.apply(Operation("resume", {"cache": 0}))
    assert target.schedule() is None
