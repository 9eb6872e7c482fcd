"""How page tables get to where kernels read them, while the host is ahead of the device.

The tables of the sequences of a forward pass are packed into one array, which the host writes into pinned *staging*
memory and an asynchronous copy brings to a table in device memory, on the stream of that pass. Both ends are still in
use when the host comes round again:

- The staging buffer is read by its upload until that has run. Written before, it gives the pass before a table of the
  pass after (#15546). So there is a ring of them, each with the event of its last upload, and one is written again only
  when the host knows that its event is over. The host waits for one only when the whole ring is in use.
- The table in device memory is read by kernels. Each forward stream has its own, so its stream orders the next upload
  after them.

A table that would be the same as the one that its stream has already is not uploaded: most passes only decode, and a
sequence gets a new block once in so many tokens.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Protocol

from attrs import field, frozen

from kvproof.impl.device.interface import ENTRY_BYTES, Buffer, Device, Event, Level, Stream

STAGING_BUFFERS = 4
"""Uploads that may be under way. An overlap scheduler has two passes on the device and prepares a third."""

ENTRIES_AT_FIRST = 256
"""Entries for which there is room at first; it doubles when they do not suffice."""


class Entries(Protocol):
    """A table as the host has it: 32-bit entries."""

    def __len__(self) -> int: ...

    def tobytes(self) -> bytes:
        """A copy of them."""


@frozen
class UploadedTables:
    """Where the kernels of one forward pass find the page tables of its sequences."""

    buffer: Buffer
    """The device's memory that they read, on the stream of the upload."""
    first: Mapping[int, int] = field()
    """Number of each sequence's first entry in it."""

    def index(self, sequence: int, position: int) -> int:
        """Number of the entry for block `position` of `sequence`."""
        return self.first[sequence] + position


class Staging:
    """A staging buffer and the end of its last upload."""

    __slots__ = ("buffer", "event")

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer
        self.event: Event | None = None


class PageTableUpload:
    """Uploads page tables to `device`.

    Attributes:
        waits: how often the host had to wait, because all staging buffers were in use.
        uploads: how many were submitted.
    """

    def __init__(self, device: Device) -> None:
        self.waits = 0
        self.uploads = 0
        self._device = device
        self._room = ENTRIES_AT_FIRST * ENTRY_BYTES
        self._ring: deque[Staging] = deque()
        self._tables: dict[Stream, Buffer] = {}
        self._present: dict[Stream, bytes] = {}

    def upload(self, stream: Stream, tables: Mapping[int, Entries]) -> UploadedTables:
        """Let kernels that are submitted to `stream` from here on find `tables`, by sequence, without waiting."""
        first: dict[int, int] = {}
        entries = 0
        for sequence, table in tables.items():
            first[sequence] = entries
            entries += len(table)
        data = b"".join([table.tobytes() for table in tables.values()])
        if self._present.get(stream) != data:
            self._send(stream, data)
        return UploadedTables(self._tables[stream], first)

    def _send(self, stream: Stream, data: bytes) -> None:
        while self._room < len(data):
            self._room *= 2
        table = self._tables.get(stream)
        if table is None or table.size < len(data):  # kernels may still read the one before, which the device keeps
            table = self._tables[stream] = self._device.buffer(Level.PRIMARY, self._room)
        self._present[stream] = data
        if not data:
            return
        staging = self.take_staging()
        if staging.buffer.size < len(data):
            staging.buffer = self._device.buffer(Level.SECONDARY, self._room)
        self._device.host_write(staging.buffer, 0, data)
        self._device.upload(stream, staging.buffer, table, len(data))
        staging.event = self._device.record_event(stream)
        self.uploads += 1

    def take_staging(self) -> Staging:
        """A staging buffer that nothing reads any more, or one more while there may be more."""
        ring = self._ring
        if not ring or not self.is_over(ring[0]):
            if len(ring) < STAGING_BUFFERS:
                ring.appendleft(Staging(self._device.buffer(Level.SECONDARY, self._room)))
            elif ring[0].event is not None:
                self.waits += 1
                self._device.wait_host(ring[0].event)
        ring.rotate(-1)
        return ring[-1]

    def is_over(self, staging: Staging) -> bool:
        """Whether the last upload from `staging` is known to have run."""
        return staging.event is None or self._device.event_done(staging.event)
