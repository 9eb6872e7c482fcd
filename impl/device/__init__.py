"""Devices: the only place that knows where a block's bytes are and how they move."""

from kvproof.impl.device.cuda import CudaDevice
from kvproof.impl.device.happens_before import Access, HappensBefore, Race
from kvproof.impl.device.interface import Device, DeviceError, Event, Level, Loaded, Move, PrefixMove, Stream
from kvproof.impl.device.schedule import SCHEDULES, Schedule, ScheduleName
from kvproof.impl.device.simulated import SimulatedDevice

__all__ = [
    "SCHEDULES",
    "Access",
    "CudaDevice",
    "Device",
    "DeviceError",
    "Event",
    "HappensBefore",
    "Level",
    "Loaded",
    "Move",
    "PrefixMove",
    "Race",
    "Schedule",
    "ScheduleName",
    "SimulatedDevice",
    "Stream",
]
