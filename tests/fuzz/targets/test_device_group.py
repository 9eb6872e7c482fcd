"""Several devices driven as one: what completes is told, followed and looked at for each of them."""

from __future__ import annotations

import pytest

from kvproof.fuzz.targets.device_group import DeviceGroup
from kvproof.impl.device import Level, SimulatedDevice, Stream

SIZE = 8


def device() -> SimulatedDevice:
    return SimulatedDevice(2, 1, SIZE, schedule="lazy", granule_bytes=SIZE)


def pair() -> tuple[dict[int, SimulatedDevice], DeviceGroup]:
    devices = {0: device(), 2: device()}
    return devices, DeviceGroup(devices, 3)


def write(target: SimulatedDevice, value: int, stream: Stream = Stream.COMPUTE) -> None:
    target.write(stream, Level.PRIMARY, 0, 0, bytes([value]) * SIZE)


def test_what_completes_is_told_with_the_number_of_its_device() -> None:
    devices, group = pair()
    write(devices[0], 1)
    write(devices[2], 1)
    group.advance("eager", 0)
    assert group.taken() == ["0:compute", "2:compute"]
    assert group.taken() == []


def test_picks_are_followed_on_the_device_that_they_name() -> None:
    devices, group = pair()
    write(devices[0], 1)
    write(devices[2], 2)
    group.follow(["2:compute"])
    group.advance("follow", 0)
    assert group.taken() == ["2:compute"]
    assert devices[0].peek(Level.PRIMARY, 0) != bytes([1]) * SIZE
    assert devices[2].peek(Level.PRIMARY, 0) == bytes([2]) * SIZE


def test_a_pick_of_a_device_that_is_not_there_is_passed_over() -> None:
    _, group = pair()
    group.follow(["1:compute"])
    group.advance("follow", 0)
    assert group.taken() == []


@pytest.mark.parametrize("pick", ["compute", "3:compute", "x:compute", "0:nonsense", "0"])
def test_what_is_no_pick_is_refused(pick: str) -> None:
    _, group = pair()
    with pytest.raises(ValueError, match="pick"):
        group.follow([pick])


def test_a_look_completes_everything_and_leaves_it_pending() -> None:
    devices, group = pair()
    write(devices[0], 1)
    write(devices[2], 2)
    with group.settled("eager", 0):
        assert devices[0].peek(Level.PRIMARY, 0) == bytes([1]) * SIZE
        assert devices[2].peek(Level.PRIMARY, 0) == bytes([2]) * SIZE
    assert group.ahead_picks() == ["0:compute", "2:compute"]
    assert devices[0].peek(Level.PRIMARY, 0) != bytes([1]) * SIZE
    assert [each.pending for each in devices.values()] == [1, 1]


def test_a_race_is_told_once_with_its_group() -> None:
    devices, group = pair()
    write(devices[2], 1)
    write(devices[2], 2, Stream.EXECUTION)
    (race,) = group.races()
    assert race.kind == "execution-write-after-compute-write"
    assert race.message.startswith("pool group 2: ")
    assert group.races() == []
