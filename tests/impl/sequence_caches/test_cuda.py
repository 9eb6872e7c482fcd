"""The sequence caches on CUDA devices, one a pool group; on host memory, and on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cache_cases import SIZES, CachePool, Walk
from cuda_cases import HostDriver

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.device import CudaDevice, Device, Stream
from kvproof.impl.device.cuda_driver import CudaDriver
from kvproof.impl.sequence_caches import SequenceCacheConfig, SequenceCaches
from kvproof.impl.sequence_caches.page_copies import PageCopies

TWO_STREAMS = (Stream.COMPUTE, Stream.EXECUTION)
WAITS = (
    "cuStreamSynchronize",
    "cuEventSynchronize",
    "cuMemHostAlloc",
    "cuMemAlloc_v2",
    "cuMemFreeHost",
    "cuMemFree_v2",
)


def devices_on(driver: CudaDriver) -> Callable[[SequenceCacheConfig], dict[int, Device]]:
    """Makes a device a group."""

    def make(config: SequenceCacheConfig) -> dict[int, Device]:
        return {
            group: CudaDevice(
                *config.slots_of(group),
                sum(pool.block_bytes for pool in config.pools_of(group)),
                pools=config.pools_of(group),
                tokens_per_block=config.tokens_of(group),
                driver=driver,
            )
            for group in config.groups
        }

    return make


@pytest.mark.parametrize("number", [4, 6, 9])
def test_pages_keep_their_bytes_wherever_they_go(driver: CudaDriver, number: int) -> None:
    pool = CachePool(**SIZES[number], make=devices_on(driver), streams=TWO_STREAMS)
    Walk(pool, number).run(300, check=False)
    assert pool.caches.pages_copied() > 10
    assert pool.races() == []
    assert pool.wrong_contents() == []


def test_host_waits_for_nothing(host: HostDriver) -> None:
    pool = CachePool(**SIZES[4], make=devices_on(host))
    for cache in range(3):
        pool.open(cache, tokens=2)
        pool.caches.suspend(cache)
    for cache in range(3):  # from here on nothing needs to grow any more
        pool.caches.resume(cache)
        pool.caches.suspend(cache)
    before = [host.calls(name) for name in WAITS]
    for cache in (0, 1, 2) * 20:
        pool.caches.resume(cache)
        pool.caches.suspend(cache)
    assert [host.calls(name) for name in WAITS] == before


def test_copies_without_waits_are_caught_on_this_device_too(driver: CudaDriver) -> None:
    class NoWaits(PageCopies):
        def await_mark(self, stream: Stream, mark: object) -> None:
            """Nothing is ordered."""

    planted = plant(SequenceCaches, parts={PageCopies: NoWaits})

    pool = CachePool(**SIZES[4], make=devices_on(driver), manager_type=planted)
    Walk(pool, 4).run(300, check=False)
    assert pool.races() != []
