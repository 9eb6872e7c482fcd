"""The CUDA device against the same GPU's own bandwidth: `python tests/bench/bench_cuda_copies.py [--json FILE]`.

First one large copy each way: what the machine can do. Then the three ways of copying, blocks of 16 KiB to 2 MiB in
batches of 1 to 4,096, as percentages of that; the pattern check against the device's copy bandwidth, counting bytes read
and written; and what the bookkeeping of a block costs the host, beside the time of its copy. Nothing is asserted about
time. Exit status 2 without a GPU.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench_block_manager import BLOCK_TOKENS, requests
from calibration import COUNTS, SIZES, CopyBench, Measurement, calibrate
from copy_candidates import with_table
from copy_table import MEASURED, CopyTable, Direction

from kvproof.impl.block_manager import BlockManager, PoolConfig
from kvproof.impl.block_manager.transfers import Transfers
from kvproof.impl.device import CudaDevice, Device, DeviceError, Level, Move, PrefixMove, SimulatedDevice, Stream
from kvproof.impl.device.cuda_driver import CudaDriver
from kvproof.impl.device.cuda_pattern import Patterns
from kvproof.impl.device.cuda_torch import driver_of

PATTERN_BLOCKS, PATTERN_BLOCK_BYTES = 4096, 1 << 18  # 1 GiB: many times the caches
PATTERN_CHECKS = 20
POOL = (2048, 16_384)
BOOKKEEPING_BLOCK_BYTES = 1 << 18
ROUNDS = 3


class NoCopies(SimulatedDevice):
    """A device that moves nothing: what remains of the time is bookkeeping."""

    def _copy(self, stream: Stream, moves: list[Move], prefixes: list[PrefixMove] | tuple[()]) -> None:  # type: ignore[override]
        """Done."""


def pattern_rates(driver: CudaDriver) -> dict[str, float]:
    """Bytes a second of the pattern's kernels on blocks in device memory."""
    blocks, block_bytes = PATTERN_BLOCKS, PATTERN_BLOCK_BYTES
    device = CudaDevice(blocks, 1, block_bytes, driver=driver, check=False)
    patterns, places = Patterns(device), [(Level.PRIMARY, slot) for slot in range(blocks)]
    random.Random(0).shuffle(places)
    keys = list(range(1, blocks + 1))

    def seconds(write: bool) -> float:
        found = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            checks = []
            for _ in range(PATTERN_CHECKS):
                if write:
                    patterns.write(Stream.COMPUTE, places, keys)
                else:
                    checks.append(patterns.check(Stream.COMPUTE, places, keys))
            device.synchronize()
            found.append((time.perf_counter() - start) / PATTERN_CHECKS)
            if any(check.value() for check in checks):
                raise AssertionError("the pattern that was written is not there")
        return median(found)

    patterns.write(Stream.COMPUTE, places, keys)
    device.synchronize()
    size = blocks * block_bytes
    return {"write": size / seconds(True), "check": size / seconds(False)}


def serve(device: Device) -> tuple[float, int, int]:
    """Host seconds of a manager's work, the blocks of its prompts and the copies that it submitted."""
    config = PoolConfig(
        primary_blocks=device.slots[0],
        secondary_blocks=device.slots[1],
        tokens_per_block=BLOCK_TOKENS,
        block_bytes=device.block_bytes,
        max_sequence_tokens=4096,
        extra_ids=False,
    )
    manager = BlockManager(config, device)
    prompts = requests(prefixes=40, seed=1)
    start = time.perf_counter()
    for number, prompt in enumerate(prompts):
        if number >= 4:
            manager.finish(number - 4)
        manager.begin_iteration()
        manager.add_sequence(number, prompt)
        manager.end_iteration()
        manager.store(number)
    seconds = time.perf_counter() - start
    device.synchronize()
    blocks = sum(-(-len(prompt) // BLOCK_TOKENS) for prompt in prompts)
    return seconds, blocks, manager.counters.blocks_offloaded + manager.counters.blocks_onboarded


def bookkeeping() -> dict[str, float]:
    """Microseconds of the host for each block of a prompt and for each copy, the device doing nothing."""
    primary, secondary = POOL
    runs = [serve(NoCopies(primary, secondary, 64, tokens_per_block=BLOCK_TOKENS, check=False)) for _ in range(ROUNDS)]
    seconds, blocks, copies = min(runs)
    return {"us_per_block": seconds / blocks * 1e6, "us_per_copy": seconds / copies * 1e6}


def ordering(copies: int = 20_000) -> float:
    """Microseconds of the host to order and gather the copy of a block: `Transfers`, in iterations of 256 copies."""
    device = NoCopies(1024, 1024, 64, check=False)
    found = []
    for _ in range(ROUNDS):
        transfers = Transfers(device)
        start = time.perf_counter()
        for number in range(copies):
            if number % 256 == 0:
                transfers.begin_iteration()
            slot = number // 2 % 1024
            transfers.copy(*((1024 + slot, slot) if number % 2 else (slot, 1024 + slot)))
            if number % 256 == 255:
                transfers.end_iteration()
        found.append((time.perf_counter() - start) / copies * 1e6)
    return min(found)


def submission(driver: CudaDriver, table: CopyTable, count: int = 256) -> float:
    """Microseconds of the host to plan and submit the copy of a block, in batches of `count`."""
    device = with_table(CudaDevice(1024, 1024, BOOKKEEPING_BLOCK_BYTES, driver=driver, check=False), table)
    rng = random.Random(0)
    moves: list[Move] = [
        (0, source, 1, target)
        for source, target in zip(rng.sample(range(1024), count), rng.sample(range(1024), count), strict=True)
    ]
    found = []
    for _ in range(20):
        start = time.perf_counter()
        device.copy(Stream.OFFLOAD, moves)
        found.append((time.perf_counter() - start) / count * 1e6)
        device.synchronize()
    return median(found)


def human(size: int) -> str:
    """Bytes in binary units."""
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


def show_table(towards: Direction, figures: list[Measurement], peak: float) -> None:
    """Percentages of the peak: a block of lines for each way."""
    for way in dict.fromkeys(figure.way for figure in figures):
        rates = {
            (figure.size, figure.count): figure.bytes_per_second / peak
            for figure in figures
            if figure.towards is towards and figure.way is way
        }
        counts = sorted({count for _, count in rates})
        print(f"\n{towards}, {way}: % of {peak / 1e9:.1f} GB/s, by copies of a batch")
        print(f"{'':>9}" + "".join(f"{count:>7}" for count in counts))
        for size in sorted({size for size, _ in rates}):
            row = "".join(f"{rates[size, count]:>7.0%}" if (size, count) in rates else f"{'':>7}" for count in counts)
            print(f"{human(size):>9}{row}")


def main() -> int:
    """Print the tables; 2 when there is no GPU."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    parser.add_argument("--table", type=Path, help="where to keep the copy table that they make")
    parser.add_argument("--arena-gib", type=float, default=8.0, help="of each memory, two on the device")
    given = parser.parse_args()
    try:
        driver = driver_of(0)
    except DeviceError as error:
        print(f"no figures: {error}", file=sys.stderr)
        return 2
    document = measure(driver, CopyBench(driver, int(given.arena_gib * (1 << 30))), given.table)
    if given.json is not None:
        given.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(driver: CudaDriver, bench: CopyBench, keep_table: Path | None) -> dict[str, Any]:
    """All figures, printed, and as a document for `gpu_report.py`."""
    peaks = {towards: bench.peak(towards) for towards in MEASURED}
    print(f"{driver.name}, driver for CUDA {driver.version()}; one copy of {bench.arena_bytes / (1 << 30):.3g} GiB:")
    for towards, rate in peaks.items():
        print(f"  {towards}: {rate / 1e9:.1f} GB/s")
    table, figures = calibrate(bench, SIZES, COUNTS, lambda line: None)
    bench.close()
    for towards in MEASURED:
        show_table(towards, figures, peaks[towards])
    if keep_table is not None:
        table.save(keep_table)
    pattern = pattern_rates(driver)
    moved = 2 * peaks[Direction.DEVICE]  # each byte is read and written
    print(
        f"\npattern: check {pattern['check'] / 1e9:.0f} GB/s, {pattern['check'] / moved:.0%} of the {moved / 1e9:.0f} GB/s"
    )
    print(f"that a copy within the device reads and writes; write {pattern['write'] / 1e9:.0f} GB/s")
    host = bookkeeping() | {"us_ordering": ordering(), "us_submission": submission(driver, table)}
    copy_us = BOOKKEEPING_BLOCK_BYTES / min(peaks[Direction.ONBOARD], peaks[Direction.OFFLOAD]) * 1e6
    print(
        f"\nhost: bookkeeping {host['us_per_block']:.2f} us a block of a prompt, {host['us_per_copy']:.2f} us a copy,"
    )
    print(f"of which ordering it {host['us_ordering']:.2f} us. Planning and submitting a copy, in batches of 256,")
    print(f"{host['us_submission']:.2f} us. A copy of 256 KiB takes {copy_us:.1f} us")
    return {
        "gpu": driver.name,
        "cuda": driver.version(),
        "peaks": {towards.value: rate for towards, rate in peaks.items()},
        "copies": [
            [figure.towards.value, figure.way.value, figure.size, figure.count, figure.bytes_per_second]
            for figure in figures
        ],
        "pattern": pattern,
        "host": host | {"us_copy_256_kib": copy_us},
    }


if __name__ == "__main__":
    sys.exit(main())
