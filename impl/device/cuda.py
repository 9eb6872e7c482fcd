"""The CUDA device: device memory for PRIMARY, pinned host memory for SECONDARY, torch streams and events.

torch is imported when a device is made, so that this module can be imported, and everything else used, without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kvproof.impl.device.interface import (
    UNWRITTEN,
    Device,
    DeviceError,
    Event,
    Level,
    Loaded,
    Move,
    PrefixMove,
    Stream,
)

if TYPE_CHECKING:
    import torch

Run = tuple[int, int, int, int, int]
"""Copies of neighbouring slots as one: source level, first source, target level, first target, number of slots."""


def unavailable() -> str | None:
    """Why no CudaDevice can be made here; None when one can."""
    try:
        torch = import_module("torch")
    except ImportError:
        return "torch is not installed; install kvproof[cuda]"
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} finds no CUDA device; use SimulatedDevice, or a machine with a GPU"
    return None


def merge_runs(moves: Sequence[Move]) -> Iterator[Run]:
    """The same copies with neighbours joined: where source and target slots both go up by one, one copy does."""
    run: Run | None = None
    for source_level, source, target_level, target in sorted(moves):
        if run is not None:
            level_from, first_from, level_to, first_to, count = run
            if (source_level, source, target_level, target) == (
                level_from,
                first_from + count,
                level_to,
                first_to + count,
            ):
                run = (level_from, first_from, level_to, first_to, count + 1)
                continue
            yield run
        run = (source_level, source, target_level, target, 1)
    if run is not None:
        yield run


def _check_direction(source_level: int, source: int, target_level: int, target: int) -> None:
    if source_level == target_level == Level.SECONDARY:
        raise DeviceError(
            f"copy of SECONDARY slot {source} to SECONDARY slot {target}: streams do not copy within host memory; "
            "go through a PRIMARY slot"
        )


class CudaEvent(Event):
    """An event with its torch event."""

    __slots__ = ("native",)

    def __init__(self, native: torch.cuda.Event) -> None:
        super().__init__()
        self.native = native


class CudaLoad(Loaded):
    """Bytes on their way into pinned memory."""

    def __init__(self, buffer: torch.Tensor, arrived: Any) -> None:
        self._buffer = buffer
        self._arrived = arrived

    def value(self) -> bytes:
        """See `Loaded.value`."""
        if not self._arrived.query():
            raise DeviceError("load: not completed yet; synchronize the device first")
        return bytes(self._buffer.numpy().tobytes())


class CudaDevice(Device):
    """One CUDA device.

    Args:
        primary_blocks, secondary_blocks, block_bytes, check: see `Device`.
        index: which CUDA device.
        compute: the engine's own stream for its kernels; a new one when None.

    Raises:
        DeviceError: no CUDA device, or not enough memory for the pools.
    """

    def __init__(
        self,
        primary_blocks: int,
        secondary_blocks: int,
        block_bytes: int,
        *,
        check: bool = True,
        index: int = 0,
        compute: torch.cuda.Stream | None = None,
    ) -> None:
        super().__init__(primary_blocks, secondary_blocks, block_bytes, check=check)
        reason = unavailable()
        if reason is not None:
            raise DeviceError(f"CUDA device {index}: {reason}")
        library: Any = import_module("torch")  # Any: torch leaves its stream and event constructors untyped
        if not 0 <= index < library.cuda.device_count():
            raise DeviceError(f"CUDA device {index}: there are {library.cuda.device_count()}, numbered from 0")
        self._torch = library
        self._device = library.device("cuda", index)
        try:
            primary = library.full((primary_blocks, block_bytes), UNWRITTEN, dtype=library.uint8, device=self._device)
            # Pinned, or the copies would not be asynchronous; one allocation, as pinning is slow.
            secondary = library.empty((secondary_blocks, block_bytes), dtype=library.uint8, pin_memory=True)
        except library.cuda.OutOfMemoryError as error:
            raise DeviceError(
                f"CUDA device {index}: no room for {primary_blocks} primary blocks of {block_bytes} bytes; "
                "make the pool smaller"
            ) from error
        secondary.fill_(UNWRITTEN)
        self._pools: tuple[torch.Tensor, torch.Tensor] = (primary, secondary)
        self._streams = [
            compute if compute is not None and stream is Stream.COMPUTE else library.cuda.Stream(self._device)
            for stream in Stream
        ]
        library.cuda.synchronize(self._device)  # the fill ran on a stream of torch's, which ours do not wait for

    def native(self, stream: Stream) -> torch.cuda.Stream:
        """The torch stream behind `stream`, on which the engine launches its kernels."""
        return self._streams[stream]

    def view(self, level: Level) -> torch.Tensor:
        """The memory of `level` itself: a uint8 tensor with one row a slot, for the engine's kernels."""
        return self._pools[level]

    def _copy(self, stream: Stream, moves: Sequence[Move], prefixes: Sequence[PrefixMove]) -> None:
        with self._torch.cuda.stream(self._streams[stream]):
            for source_level, source, target_level, target, count in merge_runs(moves):
                _check_direction(source_level, source, target_level, target)
                self._pools[target_level][target : target + count].copy_(
                    self._pools[source_level][source : source + count], non_blocking=True
                )
            for source_level, source, target_level, target, length in prefixes:
                _check_direction(source_level, source, target_level, target)
                self._pools[target_level][target, :length].copy_(
                    self._pools[source_level][source, :length], non_blocking=True
                )

    def _write(self, stream: Stream, level: int, slot: int, offset: int, data: bytes) -> None:
        if not data:
            return
        torch = self._torch
        # Freed pinned memory is not handed out again before the stream has read it: torch's host allocator sees to it.
        staged = torch.empty(len(data), dtype=torch.uint8, pin_memory=True)
        staged.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
        with torch.cuda.stream(self._streams[stream]):
            target = self._pools[level][slot, offset : offset + len(data)]
            if level == Level.SECONDARY:
                staged = staged.to(self._device, non_blocking=True)  # host to host would not be the stream's work
            target.copy_(staged, non_blocking=True)

    def _load(self, stream: Stream, level: int, slot: int) -> Loaded:
        torch = self._torch
        buffer = torch.empty(self.block_bytes, dtype=torch.uint8, pin_memory=True)
        with torch.cuda.stream(self._streams[stream]):
            source = self._pools[level][slot]
            if level == Level.SECONDARY:
                source = source.to(self._device, non_blocking=True)
            buffer.copy_(source, non_blocking=True)
            arrived = torch.cuda.Event()
            arrived.record(self._streams[stream])
        return CudaLoad(buffer, arrived)

    def _record_event(self, stream: Stream) -> Event:
        native = self._torch.cuda.Event()
        native.record(self._streams[stream])
        return CudaEvent(native)

    def _wait_event(self, stream: Stream, event: Event) -> None:
        if not isinstance(event, CudaEvent):
            raise DeviceError(f"event {event!r}: was recorded on another kind of device")
        self._streams[stream].wait_event(event.native)

    def _synchronize(self) -> None:
        for stream in self._streams:
            stream.synchronize()

    def _peek(self, level: int, slot: int) -> bytes:
        row: Any = self._pools[level][slot].cpu().numpy()
        return bytes(row.tobytes())
