"""Devices: the only place that knows where a block's bytes are and how they move."""

from kvproof.impl.device.cuda import CudaDevice
from kvproof.impl.device.files import FileDevice, FileMemory
from kvproof.impl.device.happens_before import Access, HappensBefore, Race
from kvproof.impl.device.interface import Buffer, Device, DeviceError, Event, Level, Loaded, Stream
from kvproof.impl.device.layout import Layout, Move, Piece, Pool, PrefixMove, Span
from kvproof.impl.device.schedule import SCHEDULES, Schedule, ScheduleName
from kvproof.impl.device.simulated import SimulatedDevice

__all__ = [
    "SCHEDULES",
    "Access",
    "Buffer",
    "CudaDevice",
    "Device",
    "DeviceError",
    "Event",
    "FileDevice",
    "FileMemory",
    "HappensBefore",
    "Layout",
    "Level",
    "Loaded",
    "Move",
    "Piece",
    "Pool",
    "PrefixMove",
    "Race",
    "Schedule",
    "ScheduleName",
    "SimulatedDevice",
    "Span",
    "Stream",
]
