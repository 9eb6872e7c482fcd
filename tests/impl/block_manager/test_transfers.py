"""Copies are ordered per physical slot and level, under every schedule."""

from __future__ import annotations

import random

import pytest

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.impl.block_manager.transfers import Batch, Transfers
from kvproof.impl.device import SCHEDULES, Level, ScheduleName, SimulatedDevice, Stream

SLOTS = 3  # a level; places 0..2 are PRIMARY, 3..5 SECONDARY


class Copies:
    """Transfers over a device whose places hold their own numbers, beside a list that is copied at once."""

    def __init__(self, schedule: ScheduleName, seed: int = 0, transfers_type: type[Transfers] = Transfers) -> None:
        self.device = SimulatedDevice(SLOTS, SLOTS, 2, tokens_per_block=2, schedule=schedule, seed=seed)
        self.transfers = transfers_type(self.device)
        self.expected = [bytes([place, 10 + place]) for place in range(2 * SLOTS)]
        for place, value in enumerate(self.expected):
            self.write(place, value)
        self.transfers.begin_iteration()

    def write(self, place: int, value: bytes) -> None:
        """A kernel of the engine writes a place."""
        self.device.write(Stream.COMPUTE, place // SLOTS, place % SLOTS, 0, value)
        self.expected[place] = value

    def copy(self, *moves: tuple[int, int]) -> None:
        """Copy from place to place."""
        for source, target in moves:
            self.transfers.copy(source, target)
            self.expected[target] = self.expected[source]

    def copy_half(self, *moves: tuple[int, int]) -> None:
        """Copy the first byte from place to place."""
        for source, target in moves:
            self.transfers.copy(source, target, 1)
            self.expected[target] = self.expected[source][:1] + self.expected[target][1:]

    def wrong(self) -> list[int]:
        """The places that do not hold what they would if each copy had taken place at once."""
        self.transfers.end_iteration()
        places = range(2 * SLOTS)
        return [place for place in places if self.device.read(place // SLOTS, place % SLOTS) != self.expected[place]]


HAZARDS = {
    "read after write": [(0, 3), (3, 1)],
    "write after read, on device": [(0, 3), (4, 0)],
    "write after read, on host": [(3, 0), (1, 3)],
    "write after write": [(0, 3), (1, 3)],
    "write after two reads": [(0, 3), (0, 1), (4, 0)],
    "there and back": [(0, 3), (3, 0), (0, 4), (4, 1)],
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("hazard", HAZARDS)
def test_hazard_is_ordered(hazard: str, schedule: ScheduleName) -> None:
    copies = Copies(schedule)
    copies.copy(*HAZARDS[hazard])
    assert copies.wrong() == []
    assert copies.device.races == []


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("hazard", HAZARDS)
def test_hazard_of_partial_copies_is_ordered(hazard: str, schedule: ScheduleName) -> None:
    for whole in range(2):  # the odd or the even ones
        copies = Copies(schedule)
        for number, move in enumerate(HAZARDS[hazard]):
            (copies.copy if number % 2 == whole else copies.copy_half)(move)
        assert copies.wrong() == []
        assert copies.device.races == []


def random_moves(seed: int) -> list[tuple[int, int]]:
    rng = random.Random(seed)
    places = range(2 * SLOTS)
    moves = [(rng.choice(places), rng.choice(places)) for _ in range(30)]
    return [(a, b) for a, b in moves if a != b and (a < SLOTS or b < SLOTS)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_any_copies_end_as_if_each_took_place_at_once(schedule: ScheduleName) -> None:
    for seed in range(25):
        copies = Copies(schedule, seed)
        copies.copy(*random_moves(seed))
        assert copies.wrong() == []
        assert copies.device.races == []


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_any_whole_and_partial_copies_end_as_if_each_took_place_at_once(schedule: ScheduleName) -> None:
    for seed in range(25):
        copies = Copies(schedule, seed)
        for move in random_moves(seed):
            (copies.copy if random.Random(repr((seed, move))).random() < 0.5 else copies.copy_half)(move)
        assert copies.wrong() == []
        assert copies.device.races == []


class NoWaits(Transfers):
    """Copies are not ordered at all."""

    def wait_for_batch(self, stream: Stream, batch: Batch) -> None:
        """Nothing."""


WITHOUT_LEVEL = Patch(
    "block_manager.transfers",
    old="        self.await_source(stream, source)",
    new="        source, target = source % primary, target % primary\n        self.await_source(stream, source)",
)
ONE_READ = Patch(
    "block_manager.transfers",
    old="        self.remember_read(batch, source)",
    new="        self._reads[source] = {batch.stream: batch}",
)

SlotsWithoutLevel = plant(Transfers, WITHOUT_LEVEL)
"""The tables are keyed by the slot's number within its level."""

OneEventWithoutLevel = plant(Transfers, WITHOUT_LEVEL, ONE_READ)
"""And they keep one read a key, so that a read of the same number on the other level overwrites it (#15272)."""


class NoWaitForCompute(Transfers):
    """Copies do not wait for kernels."""

    def wait_for_compute(self) -> None:
        """Nothing."""


class NoWaitForCopies(Transfers):
    """Kernels do not wait for copies."""

    def wait_for_copies(self) -> None:
        """Nothing."""


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_missing_waits_are_found_whatever_order_occurs(schedule: ScheduleName) -> None:
    copies = Copies(schedule, transfers_type=NoWaits)
    copies.copy(*HAZARDS["write after read, on device"])
    copies.transfers.flush()
    assert copies.device.races != []


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_missing_wait_of_a_partial_copy_is_found(schedule: ScheduleName) -> None:
    copies = Copies(schedule, transfers_type=NoWaits)
    copies.copy_half(*HAZARDS["write after read, on device"])
    copies.transfers.flush()
    assert copies.device.races != []


@pytest.mark.parametrize(("schedule", "shows"), [("eager", False), ("lazy", False), ("reversed", True)])
def test_missing_wait_shows_in_the_bytes_only_out_of_order(schedule: ScheduleName, shows: bool) -> None:
    copies = Copies(schedule, transfers_type=NoWaits)
    copies.copy(*HAZARDS["write after read, on device"])
    assert (copies.wrong() != []) is shows


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_one_event_a_slot_number_is_found(schedule: ScheduleName) -> None:
    copies = Copies(schedule, transfers_type=OneEventWithoutLevel)
    copies.copy((0, 5), (3, 1), (4, 0))  # the read of host slot 0 hides that of device slot 0, which is then written
    copies.transfers.flush()
    assert copies.device.races != []


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_slot_numbers_without_level_only_wait_too_much_while_all_readers_are_kept(schedule: ScheduleName) -> None:
    for seed in range(25):
        copies = Copies(schedule, seed, SlotsWithoutLevel)
        copies.copy(*random_moves(seed))
        assert copies.wrong() == []
        assert copies.device.races == []


def test_missing_wait_for_kernels_is_found() -> None:
    copies = Copies("eager", transfers_type=NoWaitForCompute)
    copies.copy((0, 3))
    copies.transfers.flush()
    assert [race.first.stream for race in copies.device.races] == ["compute", "compute"]


def kernel_after_onboarding(transfers_type: type[Transfers]) -> SimulatedDevice:
    copies = Copies("eager", transfers_type=transfers_type)
    copies.copy((3, 0))
    copies.transfers.end_iteration()
    copies.device.load(Stream.COMPUTE, Level.PRIMARY, 0)
    return copies.device


def test_kernels_of_the_iteration_come_after_its_copies() -> None:
    assert kernel_after_onboarding(Transfers).races == []


def test_missing_wait_for_copies_is_found() -> None:
    assert kernel_after_onboarding(NoWaitForCopies).races != []


def test_kernel_inside_the_iteration_is_reported() -> None:
    copies = Copies("eager")
    copies.copy((3, 0))
    copies.transfers.flush()
    copies.device.load(Stream.COMPUTE, Level.PRIMARY, 0)
    assert copies.device.races != []


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_copy_outside_an_iteration_begins_one(schedule: ScheduleName) -> None:
    copies = Copies(schedule)
    copies.copy((0, 3))
    copies.transfers.end_iteration()
    copies.copy((4, 0), (1, 4))
    copies.transfers.begin_iteration()  # without an end: what is pending must not be forgotten
    copies.copy((3, 1))
    assert copies.wrong() == []
    assert copies.device.races == []


def test_independent_copies_are_submitted_as_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    copies = Copies("eager")
    batches: list[int] = []
    monkeypatch.setattr(copies.device, "_copy", lambda _stream, moves, _prefixes: batches.append(len(moves)))
    copies.copy((0, 3), (1, 4), (2, 5))
    copies.transfers.flush()
    assert batches == [3]


def test_whole_and_partial_copies_go_in_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    copies = Copies("eager")
    batches: list[object] = []
    monkeypatch.setattr(copies.device, "_copy", lambda _stream, moves, prefixes: batches.append((moves, prefixes)))
    copies.copy((3, 0))
    copies.copy_half((4, 1))
    copies.transfers.flush()
    assert batches == [([(1, 0, 0, 0)], [(1, 1, 0, 1, 1)])]
