"""Sending the pages of a cache: right bytes, whatever becomes of the cache, and no pass that waits."""

from __future__ import annotations

import pytest
from cache_cases import CachePool

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.device import SCHEDULES, Device, Level, ScheduleName, Stream
from kvproof.impl.sequence_caches import Kind, Refused, SequenceCaches
from kvproof.impl.sequence_caches.page_copies import Mark, PageCopies


def send_and_go_on(pool: CachePool) -> bool:
    """Send a cache, close it, and let others use its slots; whether the sender saw the right bytes."""
    pool.open(0, (1, 2), tokens=5, commit=1)
    wanted = [data for _, _, data in sorted(pool.expected(), key=lambda each: each[1][2])]
    assert len(wanted) == 3
    order = sorted(range(3), key=lambda ordinal: pool.look.caches()[0].full[ordinal].page)  # type: ignore[union-attr]
    loads = pool.caches.send(0)
    pool.caches.close(0)
    for cache in (1, 2):
        pool.open(cache, tokens=6)
        pool.caches.suspend(cache)
    assert pool.wrong_contents() == []
    return all(loads[place].value().startswith(data) for place, data in zip(order, wanted, strict=True))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_sender_sees_the_bytes_of_a_cache_that_is_closed_at_once(schedule: ScheduleName) -> None:
    pool = CachePool(3, 4, schedule=schedule)
    assert send_and_go_on(pool)
    assert pool.races() == []


def test_pages_are_sent_from_where_they_are() -> None:
    pool = CachePool(4, 4, window_tokens=2, state_primary=2, state_secondary=1)
    pool.open(0, tokens=3)
    pool.caches.suspend(0)
    pool.open(1, tokens=3)
    levels = [pool.look.page(cell.page).level for cell in pool.look.caches()[0].full if cell is not None]
    assert Level.SECONDARY in levels
    loads = pool.caches.send(0)
    assert len(loads) == sum(1 for page in pool.look.pages() if page.owner is not None and page.owner[0] == 0)
    pool.caches.close(1)
    pool.caches.resume(0)
    pool.compute(0, 4)
    for device in pool.devices.values():
        device.synchronize()
    assert loads[0].value() == pool.content(pool._tokens[0], Kind.FULL, 0, 2)
    assert loads[-1].value() == pool.content(pool._tokens[0], Kind.STATE, 0, 3)
    assert pool.races() == []
    assert pool.wrong_contents() == []


def test_a_closed_cache_has_nothing_to_send() -> None:
    pool = CachePool()
    with pytest.raises(Refused, match="cache 0: is closed"):
        pool.caches.send(0)


class SendsUnnoticed(PageCopies):
    """The next owner of a slot does not wait for the sender (#16913)."""

    def finish(self, stream: Stream) -> Mark:
        return Mark(stream, 0) if stream is Stream.SEND else super().finish(stream)

    def await_mark(self, stream: Stream, mark: Mark) -> None:
        if mark.stream is not Stream.SEND:
            super().await_mark(stream, mark)


class SendsAtOnce(PageCopies):
    """The sender does not wait for the passes."""

    def __init__(self, device: Device, forward_streams: tuple[Stream, ...]) -> None:
        super().__init__(device, forward_streams)

    def await_mark(self, stream: Stream, mark: Mark) -> None:
        if stream is not Stream.SEND:
            super().await_mark(stream, mark)


@pytest.mark.parametrize("broken", [SendsUnnoticed, SendsAtOnce])
def test_each_wait_is_needed(broken: type[PageCopies]) -> None:
    planted = plant(SequenceCaches, parts={PageCopies: broken})

    pool = CachePool(3, 4, manager_type=planted)
    send_and_go_on(pool)
    assert pool.races() != []
