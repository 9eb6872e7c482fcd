"""A check that every two conflicting accesses to a slot or buffer are ordered, whatever order happened to occur.

Vector clocks over the streams and the host, as in FastTrack (Flanagan and Freund, 2009): each stream counts the work
submitted to it, and knows of every other stream how much of it must have completed before its own next work starts.
An event carries what its stream knew when it was recorded, and a wait passes that on. Two accesses to one slot, at
least one of them a write, are a race when the later submitted one does not know of the earlier. That holds for every
schedule or for none, so a missing wait is reported on a device that happened to run everything in the order of
submission, too.

The host is a thread of its own: it writes staging buffers and reads slots itself. What it submits comes after what it
knows of, so when it learns that an event has completed, every stream's later work comes after that event as well.

Per slot only the last write and, per stream, the last read since then are kept: if an older access was unordered, it
was reported when the newer one was submitted. A submission costs O(streams) an access, and memory does not grow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

Clock = tuple[int, ...]
HOST = "host"
RACES_KEPT = 64  # a run with a missing wait can have one race an operation; the first few tell which wait it is


class Access(NamedTuple):
    """One access: by which stream (a name), of which kind, as which submission to the device."""

    stream: str
    kind: str
    sequence: int

    def __str__(self) -> str:
        where = "by the host" if self.stream == HOST else f"on the {self.stream} stream"
        return f"{self.kind} #{self.sequence} {where}"


class Race(NamedTuple):
    """Two accesses to one slot, or one buffer, that nothing orders. Buffers are numbered in the order of making."""

    level: int
    slot: int
    first: Access
    second: Access
    what: str = "slot"

    def __str__(self) -> str:
        level = ("PRIMARY", "SECONDARY")[self.level]
        return f"{level} {self.what} {self.slot}: nothing orders the {self.second} after the {self.first}"


class HappensBefore:
    """The record of one device.

    Args:
        streams: names of the streams; a stream is its index here.
        primary_slots, secondary_slots: sizes of the two levels.
    """

    def __init__(self, streams: Iterable[str], primary_slots: int, secondary_slots: int) -> None:
        self._names = [*streams, HOST]
        self._host = len(self._names) - 1
        self._primary_slots = primary_slots
        self._slots = primary_slots + secondary_slots
        self._buffer_levels: list[int] = []
        threads, places = len(self._names), self._slots
        self._clocks = [[0] * threads for _ in range(threads)]
        self._write_thread = [0] * places
        self._write_clock = [0] * places  # 0: never written, which every clock knows of
        self._write_sequence = [0] * places
        self._readers = [0] * places  # a bit for each thread that read it since it was last written
        self._read_clock = [[0] * places for _ in range(threads)]
        self._read_sequence = [[0] * places for _ in range(threads)]
        self._sequence = 0
        self.races: list[Race] = []
        """The first RACES_KEPT races, in the order in which they were found."""
        self.race_count = 0
        """Number of races found, kept or not."""

    def add_buffer(self, level: int) -> int:
        """A further place, for a new buffer of `level`; returns its number."""
        self._buffer_levels.append(level)
        for column in (self._write_thread, self._write_clock, self._write_sequence, self._readers):
            column.append(0)
        for column in (*self._read_clock, *self._read_sequence):
            column.append(0)
        return len(self._readers) - 1

    def submit(self, stream: int, reads: Iterable[int], writes: Iterable[int]) -> None:
        """One submission to `stream` reads and writes these places (PRIMARY slots, then SECONDARY ones, then buffers).

        The accesses of one submission are unordered among themselves, as the copies of a batch are.
        """
        self._sequence = sequence = self._sequence + 1
        known = self._clocks[stream]
        now = known[stream] + 1  # entered only at the end, so that conflicts inside this submission are seen
        read_clock, read_sequence, bit = self._read_clock[stream], self._read_sequence[stream], 1 << stream
        write_thread, write_clock, readers = self._write_thread, self._write_clock, self._readers
        for place in reads:
            if write_clock[place] > known[write_thread[place]]:
                self._report(place, self._last_write(place), Access(self._names[stream], "read", sequence))
            read_clock[place] = now
            read_sequence[place] = sequence
            readers[place] |= bit
        for place in writes:
            if write_clock[place] > known[write_thread[place]]:
                self._report(place, self._last_write(place), Access(self._names[stream], "write", sequence))
            left = readers[place]
            if left:
                readers[place] = 0
                while left:
                    thread = left.bit_length() - 1
                    left ^= 1 << thread
                    if self._read_clock[thread][place] > known[thread]:
                        reader = Access(self._names[thread], "read", self._read_sequence[thread][place])
                        self._report(place, reader, Access(self._names[stream], "write", sequence))
            write_thread[place] = stream
            write_clock[place] = now
            self._write_sequence[place] = sequence
        known[stream] = now

    def record(self, stream: int) -> Clock:
        """What an event recorded on `stream` now carries."""
        return tuple(self._clocks[stream])

    def wait(self, stream: int, clock: Clock) -> None:
        """Later work on `stream` starts only after all that `clock` knows of."""
        known = self._clocks[stream]
        for thread, count in enumerate(clock):
            if count > known[thread]:
                known[thread] = count

    def synchronize(self) -> None:
        """The host has waited for all streams, and whatever it submits from here on comes after that."""
        everything = [max(column) for column in zip(*self._clocks, strict=True)]
        self._clocks = [list(everything) for _ in self._names]

    def host_access(self, reads: Iterable[int], writes: Iterable[int]) -> None:
        """The host itself reads and writes these places."""
        self.submit(self._host, reads, writes)
        count = self._clocks[self._host][self._host]
        for known in self._clocks:  # all later submissions are the host's, hence after this access
            known[self._host] = count

    def host_wait(self, clock: Clock) -> None:
        """The host knows that all of `clock` has completed, and whatever it does or submits from here on comes after."""
        for thread in range(len(self._names)):
            self.wait(thread, clock)

    def _last_write(self, place: int) -> Access:
        return Access(self._names[self._write_thread[place]], "write", self._write_sequence[place])

    def _report(self, place: int, first: Access, second: Access) -> None:
        self.race_count += 1
        if len(self.races) < RACES_KEPT:
            self.races.append(Race(*self._locate(place), first, second, "slot" if place < self._slots else "buffer"))

    def _locate(self, place: int) -> tuple[int, int]:
        """Level and number of a place."""
        if place >= self._slots:
            return self._buffer_levels[place - self._slots], place - self._slots
        return (0, place) if place < self._primary_slots else (1, place - self._primary_slots)
