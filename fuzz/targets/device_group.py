"""Several devices that one manager works with, paced, followed and looked at as one.

The devices share no work, so what completes on one says nothing of the others: a pick is the number of a device and what
the device calls it, such as `1:offload`, and those of one operation are told device by device.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from kvproof.fuzz.target import Race
from kvproof.impl.device import Device, SimulatedDevice

SEED_STRIDE = 7919
"""A prime, so that the devices draw different orders from one seed."""


class DeviceGroup:
    """Devices by number.

    Args:
        devices: all simulated ones, or none of them: then there is no schedule.
        groups_max: numbers that may stand in a pick; those of devices that are not there are passed over, since a trace
            may be tried at sizes that need fewer of them.
    """

    def __init__(self, devices: Mapping[int, Device], groups_max: int) -> None:
        self._devices = dict(devices)
        self._groups_max = groups_max
        simulated = {number: each for number, each in devices.items() if isinstance(each, SimulatedDevice)}
        self._simulated = simulated if len(simulated) == len(self._devices) else None
        self._races_told = dict.fromkeys(self._devices, 0)

    def follow(self, picks: Sequence[str]) -> None:
        """Queue picks for the waits to come and the next `advance`; see `kvproof.fuzz.target`.

        Raises:
            ValueError: something that is no pick.
        """
        given: dict[int, list[str]] = {}
        for pick in picks:
            number, colon, rest = pick.partition(":")
            if not colon or not (number.isascii() and number.isdecimal()) or int(number) >= self._groups_max:
                raise ValueError(
                    f"pick {pick!r}: is not a device's number below {self._groups_max}, a colon and a pick"
                )
            given.setdefault(int(number), []).append(rest)
        for each, device in (self._simulated or {}).items():
            device.follow(given.get(each, []))

    def advance(self, mode: str, seed: int) -> None:
        """An operation has ended: some of what is pending completes; see `SimulatedDevice.advance`."""
        for number, device in (self._simulated or {}).items():
            device.advance(mode, seed + number * SEED_STRIDE)

    def taken(self) -> list[str] | None:
        """The picks that completed since this was last asked; None where there is no schedule."""
        if self._simulated is None:
            return None
        return [f"{number}:{pick}" for number, device in self._simulated.items() for pick in device.taken_picks()]

    def ahead_picks(self) -> list[str]:
        """In which order the last look completed what was pending."""
        devices = self._simulated or {}
        return [f"{number}:{pick}" for number, device in devices.items() for pick in device.ahead_picks()]

    @contextmanager
    def settled(self, mode: str, seed: int) -> Iterator[None]:
        """All pending work is complete, on simulated devices only for as long as it is looked at.

        The happens-before records learn of nothing: looking is no wait of the program's.
        """
        if self._simulated is None:
            for device in self._devices.values():
                device._synchronize()
            yield
            return
        with ExitStack() as looks:
            for number, device in self._simulated.items():
                looks.enter_context(device.ahead(mode, seed + number * SEED_STRIDE))
            yield

    def races(self) -> list[Race]:
        """What the happens-before checks found since this was last asked."""
        told = []
        for number, device in self._devices.items():
            found = device.races[self._races_told[number] :]
            self._races_told[number] += len(found)
            for race in found:
                kind = f"{race.second.stream}-{race.second.kind}-after-{race.first.stream}-{race.first.kind}"
                told.append(Race(kind, f"pool group {number}: {race}"))
        return told
