"""Copies of pages: how many submissions, in which order, and what waits for what."""

from __future__ import annotations

import random

import pytest
from cache_cases import CachePool

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.device import SCHEDULES, Level, Loaded, SimulatedDevice, Stream
from kvproof.impl.sequence_caches import WINDOW_GROUP, SequenceCaches
from kvproof.impl.sequence_caches.page_copies import PageCopies

ONE = (Stream.COMPUTE,)


def test_bringing_up_while_others_go_down_is_two_submissions() -> None:
    pool = CachePool(8, 12)
    pool.open(0, tokens=8)
    pool.caches.suspend(0)
    pool.open(1, tokens=8)
    pool.caches.suspend(1)
    pool.open(2, tokens=8)
    pool.caches.suspend(2)
    copied, batches = pool.caches.pages_copied(), pool.caches.copy_batches()
    assert pool.caches.resume(0) == 4
    assert (pool.caches.pages_copied() - copied, pool.caches.copy_batches() - batches) == (8, 2)
    assert pool.races() == []
    assert pool.wrong_contents() == []


def given_up_by_caches_on_two_streams(manager_type: type[SequenceCaches] = SequenceCaches) -> CachePool:
    """Caches on different streams have used one page and given it up, and its slot's next owner has written."""
    streams = (Stream.COMPUTE, Stream.EXECUTION)
    pool = CachePool(2, manager_type=manager_type, streams=streams, schedule="lazy", tokens_per_block=1)
    pool.open(0, (0,), tokens=1, commit=1)
    pool.create(1, (0,))
    pool.caches.resume(1, Stream.EXECUTION)
    pool.compute(1, 2)  # reads what cache 0 has committed
    pool.caches.close(1)
    pool.caches.close(0)
    pool.create(3)
    pool.caches.resume(3, Stream.EXECUTION)
    pool.caches.resize(3, 1, 0)  # takes the other slot, so that cache 2 does not wait for its last use
    pool.open(2, tokens=1)
    return pool


def test_a_slot_is_free_when_the_passes_of_all_streams_that_read_it_are_over() -> None:
    pool = given_up_by_caches_on_two_streams()
    assert pool.races() == []
    assert pool.wrong_contents() == []


class LastStreamRemembered(PageCopies):
    """Forgets what other forward streams have to do with a slot when a cache gives up its lock."""

    def release(self, slot: int, stream: Stream) -> None:
        marks = self._marks[Level.PRIMARY]
        marks[slot] = tuple(mark for mark in marks[slot] if mark.stream is Stream.SEND)
        super().release(slot, stream)


OtherStreamsForgotten = plant(SequenceCaches, parts={PageCopies: LastStreamRemembered})


def test_a_slot_that_remembers_the_last_stream_alone_is_overwritten_too_soon() -> None:
    pool = given_up_by_caches_on_two_streams(OtherStreamsForgotten)
    (race,) = pool.races()
    assert "write #4 on the compute stream after the read #2 on the execution stream" in race


def test_growth_that_evicts_is_one_submission() -> None:
    pool = CachePool(4, 4)
    pool.open(0, tokens=8)
    pool.caches.suspend(0)
    pool.open(1)
    pool.caches.resize(1, 6, 0)
    assert (pool.caches.pages_copied(), pool.caches.copy_batches()) == (3, 1)


def test_through_a_single_slot_pages_go_one_after_the_other() -> None:
    pool = CachePool(3, 3)
    pool.open(0, tokens=4)
    pool.caches.suspend(0)
    pool.open(1, tokens=6)
    pool.caches.suspend(1)
    pool.create(2)
    pool.caches.resume(2)
    pool.caches.resize(2, 2, 0)
    pool.caches.suspend(2)
    pool.caches.close(2)
    copied, batches = pool.caches.pages_copied(), pool.caches.copy_batches()
    assert (pool.vacant(), pool.vacant(Level.SECONDARY)) == (1, 0)
    assert pool.caches.resume(0) == 2
    assert (pool.caches.pages_copied() - copied, pool.caches.copy_batches() - batches) == (3, 3)
    assert pool.races() == []
    assert pool.wrong_contents() == []


def test_without_a_slot_to_begin_with_nothing_moves() -> None:
    pool = CachePool(3, 3)
    for cache in range(2):
        pool.open(cache, tokens=6)
        pool.caches.suspend(cache)
    before = pool.caches.copy_batches()
    assert pool.refusal("resume", 0) == "out-of-pages"
    assert pool.caches.copy_batches() == before


def test_copies_come_after_the_kernels_on_any_stream() -> None:
    for stream in (Stream.COMPUTE, Stream.EXECUTION):
        pool = CachePool(2, 4, streams=(Stream.COMPUTE, Stream.EXECUTION), schedule="reversed")
        pool.create(0)
        pool.caches.resume(0, stream)
        pool.compute(0, 4)
        pool.caches.suspend(0)
        pool.open(1, tokens=4)
        assert pool.races() == []
        assert pool.wrong_contents() == []


def test_kernels_that_come_later_do_not_hold_a_copy_up() -> None:
    """The mark of a suspended cache is that of its last pass: the next pass of another cache need not be over."""
    device = SimulatedDevice(2, 2, 4, schedule="lazy")
    copies = PageCopies(device, ONE)
    device.write(Stream.COMPUTE, Level.PRIMARY, 0, 0, b"mine")
    copies.release(0, Stream.COMPUTE)
    copies.end_operation()
    device.write(Stream.COMPUTE, Level.PRIMARY, 1, 0, b"next")
    copies.copy(Level.PRIMARY, 0, Level.SECONDARY, 0)
    copies.end_operation()
    device.follow(["compute", "offload"])
    device.advance("follow", 0)
    assert device.taken_picks() == ["compute", "offload"]
    assert device.peek(Level.SECONDARY, 0) == b"mine"


def test_moves_in_any_order_between_any_slots_keep_every_byte() -> None:
    rng = random.Random(0)
    for trial in range(60):
        schedule = SCHEDULES[trial % len(SCHEDULES)]
        device = SimulatedDevice(4, 4, 4, schedule=schedule, seed=trial)
        streams = (Stream.COMPUTE, Stream.EXECUTION)
        copies = PageCopies(device, streams)
        bytes_at: dict[tuple[int, int], bytes] = {}
        reads: list[tuple[bytes, Loaded]] = []
        for number in range(60):
            vacant = [(level, slot) for level in (0, 1) for slot in range(4) if (level, slot) not in bytes_at]
            taken = sorted(bytes_at)
            action = rng.randrange(4)
            if action == 0 and vacant and vacant[0][0] == 0:  # a pass writes a new page, then it is unlocked
                slot, stream = vacant[0][1], rng.choice(streams)
                copies.acquire(slot, stream)
                copies.end_operation()
                bytes_at[(0, slot)] = number.to_bytes(4, "little")
                device.write(stream, 0, slot, 0, bytes_at[(0, slot)])
                copies.release(slot, stream)
            elif action == 1 and taken and vacant:
                source, target = rng.choice(taken), rng.choice(vacant)
                if source[0] != target[0]:
                    copies.copy(*source, *target)
                    bytes_at[target] = bytes_at.pop(source)
            elif action == 2 and taken and vacant:
                source, target = rng.choice(taken), rng.choice(vacant)
                if source[0] == 1 or target[0] == 1:
                    copies.copy(*source, *target)
                    bytes_at[target] = bytes_at[source]
            elif action == 3 and taken and taken[0][0] == 0:  # a pass reads it
                slot, stream = taken[0][1], rng.choice(streams)
                copies.acquire(slot, stream)
                copies.end_operation()
                reads.append((bytes_at[(0, slot)], device.load(stream, 0, slot)))
                copies.release(slot, stream)
            if rng.random() < 0.3:
                copies.end_operation()
                for place in [place for place in sorted(bytes_at) if rng.random() < 0.2]:
                    del bytes_at[place]
        copies.end_operation()
        device.synchronize()
        assert device.races == []
        assert all(device.peek(*place) == wanted for place, wanted in bytes_at.items())
        assert all(loaded.value() == wanted for wanted, loaded in reads)


@pytest.mark.parametrize("ends", ["suspend", "close", "stop_committing", "commit", "resize", "prefetch", "resume"])
def test_each_operation_takes_note_of_the_passes_before_it(ends: str) -> None:
    """What has been submitted is looked at once an operation; the next one must look again."""
    pool = CachePool(6, 6, window_tokens=1, schedule="reversed")
    pool.open(2)
    pool.caches.suspend(2)
    pool.open(1)
    pool.open(0, (1,), tokens=4)
    suspended = 2 if ends in ("prefetch", "resume") else 0
    getattr(pool.caches, ends)(*((0, 4, 4) if ends == "resize" else (suspended,)))
    pool.compute(1, 1)
    pool.caches.suspend(1)
    for cache in (0, 2):
        if cache in pool.look.caches():
            pool.caches.close(cache)
    pool.open(3, tokens=6)
    pool.caches.suspend(3)
    assert pool.races() == []
    assert pool.wrong_contents() == []


def test_a_scratch_slot_is_taken_over_after_the_passes_that_used_it() -> None:
    pool = CachePool(12, window_tokens=2, window_primary=3, window_secondary=3, scratch_share=8, schedule="reversed")
    pool.open(1, tokens=3)
    pool.caches.suspend(1)
    pool.open(0)
    pool.caches.resize(0, 8, 0)
    pool.open(2, tokens=1)  # and one of cache 1 goes to the host
    assert pool.vacant(Level.SECONDARY, WINDOW_GROUP) == 2
    pool.caches.suspend(2)
    pool.forward(0, 8)
    pool.caches.suspend(0)
    pool.caches.resume(1)  # its page comes up where something was in scratch
    pool.compute(1, 4)
    assert pool.races() == []
    assert pool.wrong_contents() == []


def test_what_a_slot_is_waited_for_does_not_grow_with_time() -> None:
    pool = CachePool(6, 6, streams=(Stream.COMPUTE, Stream.EXECUTION))
    pool.open(0, tokens=4)
    for number in range(50):
        pool.caches.suspend(0)
        pool.caches.resume(0, pool.caches.forward_streams[number % 2])
        copies = pool.caches._copies[0]
        assert max(len(marks) for level in copies._marks for marks in level) <= 2
        assert copies._acquired == []


def test_a_snapshot_is_waited_for_whatever_ended_in_the_same_operation() -> None:
    device = SimulatedDevice(3, 1, 4, schedule="reversed")
    copies = PageCopies(device, ONE)
    device.write(Stream.COMPUTE, Level.PRIMARY, 0, 0, b"live")
    copies.release(1, Stream.COMPUTE)
    copies.copy_in_passing(0, 2, Stream.COMPUTE)
    copies.copy(Level.PRIMARY, 2, Level.SECONDARY, 0)
    copies.end_operation()
    assert device.races == []
    assert device.read(Level.SECONDARY, 0) == b"live"


def test_a_snapshot_needs_no_wait_of_the_forward_stream() -> None:
    pool = CachePool(6, 2, state_primary=3, schedule="lazy")
    pool.open(0, (1,), tokens=2)
    waits: list[Stream] = []
    device = pool.devices[2]
    device.wait_event = lambda stream, event: waits.append(stream)  # type: ignore[method-assign]
    pool.caches.commit(0)
    assert waits == []
