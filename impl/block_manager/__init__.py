"""A two-level KV-cache block manager over real memory, as an inference engine would embed it."""

from kvproof.impl.block_manager.blocks import STEPS
from kvproof.impl.block_manager.config import PoolConfig
from kvproof.impl.block_manager.counters import Counters
from kvproof.impl.block_manager.events import Event, Removed, Stored, Updated
from kvproof.impl.block_manager.inspection import (
    BlockInUse,
    FreeBlock,
    Inspection,
    LiveSequence,
    Location,
    SequenceBlock,
)
from kvproof.impl.block_manager.manager import BlockManager
from kvproof.impl.block_manager.page_table import PageTable, decode_entry
from kvproof.impl.block_manager.reasons import Reason
from kvproof.impl.block_manager.requests import Admission, AdmittedRequest, BatchAdmission, Request, RetentionRange
from kvproof.impl.block_manager.tokens import join_token, split_token
from kvproof.impl.observer import Observer
from kvproof.impl.page_table_upload import UploadedTables
from kvproof.impl.refusals import ProtocolError, Refused

__all__ = [
    "STEPS",
    "Admission",
    "AdmittedRequest",
    "BatchAdmission",
    "BlockInUse",
    "BlockManager",
    "Counters",
    "Event",
    "FreeBlock",
    "Inspection",
    "LiveSequence",
    "Location",
    "Observer",
    "PageTable",
    "PoolConfig",
    "ProtocolError",
    "Reason",
    "Refused",
    "Removed",
    "Request",
    "RetentionRange",
    "SequenceBlock",
    "Stored",
    "Updated",
    "UploadedTables",
    "decode_entry",
    "join_token",
    "split_token",
]
