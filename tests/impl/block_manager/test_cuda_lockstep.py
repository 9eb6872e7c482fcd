"""The manager in lockstep with its specification on the CUDA device: on host memory, and on a GPU where there is one."""

from __future__ import annotations

from functools import partial

from kvproof.fuzz.bugs.block_manager.m59_copies_do_not_wait_for_passes import CopiesBesideKernels
from kvproof.fuzz.bugs.block_manager.x34_old_page_table import BUG as STALE_BUG
from kvproof.fuzz.bugs.block_manager.x34_old_page_table import StaleTables
from kvproof.fuzz.campaign import Campaign, Engine, Plan, run_campaign
from kvproof.fuzz.lockstep import Lockstep
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.subject import Parameters
from kvproof.fuzz.target import Operation
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, ManagerFactory, two_forward_streams
from kvproof.fuzz.targets.devices import cuda_device, layered_pools
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.device.cuda_driver import CudaDriver

MACHINE = subject_named("block-manager")
OPERATIONS = 600


def target_on(driver: CudaDriver, make_manager: ManagerFactory) -> BlockManagerTarget:
    return BlockManagerTarget(partial(cuda_device, driver=driver), make_manager, layered_pools)


def campaign(driver: CudaDriver, make_manager: ManagerFactory, parameters: Parameters) -> Campaign:
    plan = Plan(120, 1, Engine.WALK, parameters, operations=OPERATIONS, minimising_runs=0)
    return run_campaign(MACHINE, lambda: target_on(driver, make_manager), plan)


def test_the_manager_agrees_with_the_specification(driver: CudaDriver) -> None:
    run = campaign(driver, two_forward_streams(BlockManager), {})
    assert (run.finding, run.progress.operations) == (None, OPERATIONS)
    assert run.progress.contents > OPERATIONS


def test_a_missing_wait_is_found(driver: CudaDriver) -> None:
    finding = campaign(driver, CopiesBesideKernels, {}).finding
    assert finding is not None
    assert finding.failure.oracle == "race"


def test_kernels_that_read_through_an_old_table_are_found(driver: CudaDriver) -> None:
    finding = campaign(driver, StaleTables, STALE_BUG.parameters).finding
    assert finding is not None
    assert finding.failure.oracle == "content"


def test_it_has_no_schedule_to_record(driver: CudaDriver) -> None:
    operation = Operation("add", {"sequence": 0, "tokens": (0,), "priority": 0})
    with Lockstep(MACHINE, target_on(driver, BlockManager), MACHINE.defaults) as lockstep:
        assert lockstep.apply(operation) is None
        assert lockstep.operation.schedule is None
