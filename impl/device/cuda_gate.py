"""A gate: holds a stream of a CUDA device back until the host opens it, so that tests of order leave nothing to luck.

While a gate is closed, whatever comes after it on its stream is certainly pending, and everything else certainly not
held up by it. A gate is a kernel of one thread that looks at a flag in pinned host memory. It orders nothing as far as
the happens-before record is concerned.
"""

from __future__ import annotations

from kvproof.impl.device.cuda import CudaDevice
from kvproof.impl.device.cuda_driver import Kernel
from kvproof.impl.device.interface import DeviceError, Stream

FLAG, GAVE_UP = 0, 4  # where they are in the region
TIMEOUT_S = 20.0
"""Longer than any test needs between closing and opening, and shorter than what a driver or a person puts up with."""


class Gate:
    """Closed from the beginning; what is submitted to `stream` from here on waits for `open`.

    Usable in a with statement, at whose end it opens.

    Args:
        device: whose stream.
        stream: what it holds back.
        timeout_s: seconds after which it opens by itself, lest a failed test leaves the GPU hanging.
    """

    def __init__(self, device: CudaDevice, stream: Stream, timeout_s: float = TIMEOUT_S) -> None:
        self._device = device
        self._stream = stream
        self._region = device.staging.take(8)
        self._region.write(bytes(8))
        address, handle = self._region.address, device.handle(stream)
        device.driver.launch(handle, Kernel.GATE, 1, (address + FLAG, int(timeout_s * 1e9), address + GAVE_UP))
        self._region.event = device.driver.record(handle)

    def open(self) -> None:
        """Let the stream go on.

        Raises:
            DeviceError: it has gone on already, as the time was up: what happened in between proves nothing.
        """
        self._region.write((1).to_bytes(4, "little"), FLAG)
        if self.gave_up:
            raise DeviceError(f"gate on the {self._stream.name.lower()} stream: opened by itself, before the host did")

    @property
    def gave_up(self) -> bool:
        """Whether it opened by itself."""
        return any(self._region.read(4, GAVE_UP))

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._region.write((1).to_bytes(4, "little"), FLAG)
        if kind is None:
            self.open()

    def __del__(self) -> None:
        self._device.staging.give_back(self._region)
