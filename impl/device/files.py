"""The file modes of offloading: SECONDARY is a folder with one file a slot instead of pinned host memory.

A real system writes offloaded blocks with GPU-direct or plain POSIX input and output. What matters here is the same for
both: a slot's bytes are in a file named for the slot, which is there only once something was written. In the system
that this follows a file is named for the copy's source, so a beginning of a block that is in device memory was looked
for in a file that nobody wrote (M-65). Copies run in the order of streams and events like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kvproof.impl.device.interface import UNWRITTEN, DeviceError, Level
from kvproof.impl.device.layout import Layout, Move, Pool, PrefixMove
from kvproof.impl.device.memory import Bytes, HostMemory
from kvproof.impl.device.queues import Places
from kvproof.impl.device.schedule import ScheduleName
from kvproof.impl.device.simulated import SimulatedDevice


class FilePart(NamedTuple):
    """Neighbouring bytes of a block's logical image on their way; `whole` when the copy is of the whole block."""

    source_level: int
    source: int
    target_level: int
    target: int
    start: int
    size: int
    whole: bool


class FileMemory(HostMemory):
    """Arrays for PRIMARY, files for SECONDARY; `folder` must stay while the device is used."""

    array_levels = (Level.PRIMARY,)

    def __init__(self, image: Layout, granule_bytes: int | None, folder: Path) -> None:
        super().__init__(image, image, granule_bytes)
        self.whole_rows = False
        self._folder = folder
        self._look: dict[int, bytearray] | None = None  # what was written in a look ahead, by slot

    def reads_file(self, source_level: int, whole: bool) -> bool:
        """Whether the source of a copy is the file named for the source slot; an override can seed M-65."""
        del whole  # where the bytes are does not depend on how many are copied
        return source_level == Level.SECONDARY

    def view(self, level: int, pool: int = 0) -> Bytes:
        """As for arrays. Raises DeviceError for SECONDARY."""
        if level == Level.SECONDARY:
            raise DeviceError(f"view: SECONDARY is the folder {self._folder}, which is no array; use peek")
        return super().view(level, pool)

    def parts(self, moves: Sequence[Move], prefixes: Sequence[PrefixMove]) -> list[Any]:
        """See `HostMemory.parts`."""
        size = self._image.block_bytes
        found = [FilePart(*move, start, length, True) for move in moves for start, length in self._cut(0, size)]
        for source_level, source, target_level, target, tokens in prefixes:
            base = 0
            for pool in self._image.pools:
                part_bytes = tokens * (pool.layer_bytes // self._image.tokens_per_block)
                for _ in range(pool.layers):
                    ends = (source_level, source, target_level, target)
                    found += [FilePart(*ends, *cut, False) for cut in self._cut(base, part_bytes)]
                    base += pool.layer_bytes
        return found

    def run_parts(self, parts: Sequence[Any]) -> None:
        """See `HostMemory.run_parts`. Raises DeviceError for a file that is not there."""
        for part in parts:
            source_level = Level.SECONDARY if self.reads_file(part.source_level, part.whole) else part.source_level
            data = self.get(source_level, part.source, part.start, part.start + part.size)
            self.put(part.target_level, part.target, part.start, data)

    def places_of_part(self, part: Any) -> Places:
        """See `HostMemory.places_of_part`."""
        source = self._place(part.source_level, part.source)
        return (source,), (self._place(part.target_level, part.target),)

    def put(self, level: int, slot: int, start: int, data: bytes) -> None:
        """See `HostMemory.put`; the first write of a SECONDARY slot makes its file."""
        if level == Level.PRIMARY:
            super().put(level, slot, start, data)
        elif self._look is not None:
            if slot not in self._look:
                self._look[slot] = bytearray(self._read(slot) or self._fresh())
            self._look[slot][start : start + len(data)] = data
        else:
            self._write(slot, start, data)

    def get(self, level: int, slot: int, start: int = 0, end: int | None = None) -> bytes:
        """See `HostMemory.get`. Raises DeviceError for a SECONDARY slot that was never written, or not as a whole."""
        if level == Level.PRIMARY:
            return super().get(level, slot, start, end)
        data = self._look.get(slot) if self._look is not None else None
        found = bytes(data) if data is not None else self._read(slot)
        if found is None:
            raise DeviceError(f"{self.file(slot).name}: was never written, and is read")
        if len(found) != self._image.block_bytes:
            raise DeviceError(f"{self.file(slot).name}: has {len(found)} bytes, a block has {self._image.block_bytes}")
        return found[start:end]

    def keep(self) -> Any:
        """See `HostMemory.keep`; until `bring_back` no file is touched."""
        self._look = {}
        return super().keep()

    def bring_back(self, kept: Any) -> None:
        """See `HostMemory.bring_back`."""
        self._look = None
        super().bring_back(kept)

    def file(self, slot: int) -> Path:
        """The file of a SECONDARY slot. Errors tell its name without the folder, so that a failure reads alike in each."""
        return self._folder / f"slot-{slot}.kv"

    def _cut(self, start: int, size: int) -> Iterator[tuple[int, int]]:
        step = self._granule_bytes or size
        return ((at, min(step, start + size - at)) for at in range(start, start + size, step))

    def _fresh(self) -> bytes:
        return bytes([UNWRITTEN]) * self._image.block_bytes

    def _read(self, slot: int) -> bytes | None:
        """All bytes of a slot's file; None when there is none."""
        path = self.file(slot)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DeviceError(f"{path.name}: cannot be read: {error.strerror or error}") from error

    def _write(self, slot: int, start: int, data: bytes) -> None:
        path = self.file(slot)
        try:
            if not path.exists():
                path.write_bytes(self._fresh())
            with path.open("r+b") as file:
                file.seek(start)
                file.write(data)
        except OSError as error:
            raise DeviceError(f"{path.name}: cannot be written: {error.strerror or error}") from error


class FileDevice(SimulatedDevice):
    """A simulated device whose SECONDARY slots are files.

    Args:
        primary_blocks, secondary_blocks, block_bytes, check, pools, tokens_per_block, schedule, seed, granule_bytes: see
            `SimulatedDevice`.
        folder: where the files are made: `slot-<n>.kv`, each a block's logical image. It is the caller's to remove.

    Raises:
        ValueError: the folder is not there, or holds slots of another device, whose bytes would mean nothing.
    """

    memory_type: type[FileMemory] = FileMemory

    def __init__(
        self,
        primary_blocks: int,
        secondary_blocks: int,
        block_bytes: int,
        folder: Path | str,
        *,
        check: bool = True,
        pools: Sequence[Pool] | None = None,
        tokens_per_block: int = 1,
        schedule: ScheduleName = "eager",
        seed: int = 0,
        granule_bytes: int | None = None,
    ) -> None:
        folder = Path(folder)
        if not folder.is_dir():
            raise ValueError(f"device folder {folder}: is no folder; make it first")
        left = sorted(path.name for path in folder.glob("slot-*.kv"))
        if left:
            raise ValueError(f"device folder {folder}: holds {left[0]} of another device; use an empty folder")
        self.folder = folder
        super().__init__(
            primary_blocks,
            secondary_blocks,
            block_bytes,
            check=check,
            pools=pools,
            tokens_per_block=tokens_per_block,
            schedule=schedule,
            seed=seed,
            granule_bytes=granule_bytes,
        )

    def _make_memory(self) -> HostMemory:
        return self.memory_type(self.image, self.granule_bytes, self.folder)
