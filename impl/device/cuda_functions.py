"""The binary interface of libcuda, as far as it is used: constants, structures, functions and their parameters.

As in cuda.h of CUDA 13.0; what is used has been the same since CUDA 12.8, and all but the batched copy since long
before.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_ubyte, c_uint, c_uint64, c_void_p
from typing import Any

NOT_READY = 600  # CUDA_ERROR_NOT_READY
OUT_OF_MEMORY = 2  # CUDA_ERROR_OUT_OF_MEMORY
HOST_PORTABLE_AND_MAPPED = 3  # CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP
STREAM_NON_BLOCKING = 1  # or it would wait for the legacy default stream, and that for it
EVENT_DISABLE_TIMING = 2
MEMORY_UNIFIED = 4  # CU_MEMORYTYPE_UNIFIED: the address says which memory it is
SOURCE_IN_STREAM_ORDER = 1  # CU_MEMCPY_SRC_ACCESS_ORDER_STREAM
MULTIPROCESSORS, CAPABILITY_MAJOR, CAPABILITY_MINOR = 16, 75, 76  # CU_DEVICE_ATTRIBUTE_...

PITCH_MAX = (1 << 31) - 1
"""Bytes between two rows of a pitched copy, at most: CU_DEVICE_ATTRIBUTE_MAX_PITCH of every device so far."""

FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "cuInit": (c_uint,),
    "cuDriverGetVersion": (POINTER(c_int),),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDeviceGetName": (c_char_p, c_int, c_int),
    "cuDeviceGetAttribute": (POINTER(c_int), c_int, c_int),
    "cuDevicePrimaryCtxRetain": (POINTER(c_void_p), c_int),
    "cuCtxGetCurrent": (POINTER(c_void_p),),
    "cuCtxPushCurrent_v2": (c_void_p,),
    "cuCtxPopCurrent_v2": (POINTER(c_void_p),),
    "cuGetErrorName": (c_int, POINTER(c_char_p)),
    "cuGetErrorString": (c_int, POINTER(c_char_p)),
    "cuMemAlloc_v2": (POINTER(c_uint64), c_size_t),
    "cuMemFree_v2": (c_uint64,),
    "cuMemHostAlloc": (POINTER(c_void_p), c_size_t, c_uint),
    "cuMemFreeHost": (c_void_p,),
    "cuMemsetD8Async": (c_uint64, c_ubyte, c_size_t, c_void_p),
    "cuMemcpyAsync": (c_uint64, c_uint64, c_size_t, c_void_p),
    "cuMemcpy2DAsync_v2": (c_void_p, c_void_p),
    "cuStreamCreate": (POINTER(c_void_p), c_uint),
    "cuStreamSynchronize": (c_void_p,),
    "cuStreamWaitEvent": (c_void_p, c_void_p, c_uint),
    "cuEventCreate": (POINTER(c_void_p), c_uint),
    "cuEventRecord": (c_void_p, c_void_p),
    "cuEventQuery": (c_void_p,),
    "cuEventSynchronize": (c_void_p,),
    "cuModuleLoadData": (POINTER(c_void_p), c_char_p),
    "cuModuleGetFunction": (POINTER(c_void_p), c_void_p, c_char_p),
    "cuLaunchKernel": (c_void_p, *(c_uint,) * 7, c_void_p, c_void_p, c_void_p),
}
"""The functions used, under the names that libcuda exports (with the version that today's cuda.h means by the plain
name), and their parameters."""

BATCH_FUNCTION = "cuMemcpyBatchAsync"
"""Drivers for CUDA 12.8 and newer have it. Under this name the parameters stay those of 12.8, with the number of the copy
that failed; the form without it, of CUDA 13, is exported as `..._v2`."""

BATCH_PARAMETERS = (*(c_void_p,) * 3, c_size_t, *(c_void_p,) * 2, c_size_t, POINTER(c_size_t), c_void_p)


class BatchAttributes(ctypes.Structure):
    """CUmemcpyAttributes; the hints mean nothing for memory with a fixed place."""

    _fields_ = (
        ("source_access_order", c_int),
        ("source_hint", c_int * 2),
        ("target_hint", c_int * 2),
        ("flags", c_uint),
    )


class PitchedCopy(ctypes.Structure):
    """CUDA_MEMCPY2D."""

    _fields_ = (
        ("source_x", c_size_t),
        ("source_y", c_size_t),
        ("source_type", c_int),
        ("source_host", c_void_p),
        ("source", c_uint64),
        ("source_array", c_void_p),
        ("source_pitch", c_size_t),
        ("target_x", c_size_t),
        ("target_y", c_size_t),
        ("target_type", c_int),
        ("target_host", c_void_p),
        ("target", c_uint64),
        ("target_array", c_void_p),
        ("target_pitch", c_size_t),
        ("row_bytes", c_size_t),
        ("rows", c_size_t),
    )
