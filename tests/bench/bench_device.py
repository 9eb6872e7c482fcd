"""Copies a second on the simulated device, and on the CUDA device where there is one: `python tests/bench/bench_device.py`.

All variants run in turns in one process; the best of several rounds is shown for each. Nothing is asserted about time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kvproof.impl.block_manager.transfers import Transfers
from kvproof.impl.device import SCHEDULES, CudaDevice, Device, Move, Pool, ScheduleName, SimulatedDevice, Stream
from kvproof.impl.device.cuda import unavailable

BLOCKS = 1024
COPIES = 20_000
ROUNDS = 3
CUDA_BLOCK_BYTES = 1 << 20
TWO_POOLS = (Pool(layer_bytes=16, layers=2, layer_first=True), Pool(layer_bytes=32))


def submit_one_by_one(device: Device) -> None:
    """Offload each block by itself, without ordering against anything."""
    for number in range(COPIES):
        slot = number % BLOCKS
        device.copy(Stream.OFFLOAD, [(0, slot, 1, slot)])
    device.synchronize()


def submit_in_batches(device: Device) -> None:
    """Offload in batches of 32 blocks."""
    for first in range(0, COPIES, 32):
        moves: list[Move] = [(0, slot % BLOCKS, 1, slot % BLOCKS) for slot in range(first, first + 32)]
        device.copy(Stream.OFFLOAD, moves)
    device.synchronize()


def through_transfers(device: Device) -> None:
    """Offload and onboard in turns over the same slots, each ordered after the last, in iterations of 64 copies."""
    transfers = Transfers(device)
    for number in range(COPIES):
        if number % 64 == 0:
            transfers.begin_iteration()
        slot = number // 2 % BLOCKS
        if number % 2:
            transfers.copy(BLOCKS + slot, slot)
        else:
            transfers.copy(slot, BLOCKS + slot)
        if number % 64 == 63:
            transfers.end_iteration()
    transfers.end_iteration()
    device.synchronize()


WORKLOADS: dict[str, Callable[[Device], None]] = {
    "one by one": submit_one_by_one,
    "batches of 32": submit_in_batches,
    "ordered": through_transfers,
}


def simulated(schedule: ScheduleName, check: bool, **layout: Any) -> Callable[[], Device]:
    """Makes simulated devices with blocks of 64 bytes."""
    return lambda: SimulatedDevice(BLOCKS, BLOCKS, 64, schedule=schedule, check=check, **layout)


def cuda(check: bool) -> Callable[[], Device]:
    """Makes CUDA devices with blocks of 1 MiB."""
    return lambda: CudaDevice(BLOCKS, BLOCKS, CUDA_BLOCK_BYTES, check=check)


def main() -> None:
    """Print the table."""
    makers = {
        f"simulated, {schedule}, record {'on' if check else 'off'}": simulated(schedule, check)
        for schedule in SCHEDULES
        for check in (False, True)
    }
    makers["simulated, eager, two pools"] = simulated("eager", True, pools=TWO_POOLS)
    makers["simulated, lazy, torn in 8 bytes"] = simulated("lazy", True, granule_bytes=8)
    reason = unavailable()
    if reason is None:
        makers |= {f"CUDA, 1 MiB blocks, record {'on' if check else 'off'}": cuda(check) for check in (False, True)}
    best: dict[tuple[str, str], float] = {}
    for _ in range(ROUNDS):
        for name, make in makers.items():
            for workload, run in WORKLOADS.items():
                device = make()
                start = time.perf_counter()
                run(device)
                seconds = time.perf_counter() - start
                best[name, workload] = min(seconds, best.get((name, workload), seconds))
    print(f"copies/s of {COPIES} block copies, best of {ROUNDS} rounds")
    print(f"{'':34}" + "".join(f"{workload:>16}" for workload in WORKLOADS))
    for name in makers:
        print(f"{name:34}" + "".join(f"{COPIES / best[name, workload]:>16,.0f}" for workload in WORKLOADS))
    if reason is not None:
        print(f"no CUDA figures: {reason}")


if __name__ == "__main__":
    main()
