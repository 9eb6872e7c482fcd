"""A two-level KV-cache block manager over real memory, as an inference engine would embed it."""

from kvproof.impl.config import PoolConfig
from kvproof.impl.counters import Counters
from kvproof.impl.events import Event, Removed, Stored, Updated
from kvproof.impl.inspection import BlockInUse, FreeBlock, Inspection, LiveSequence, Location, SequenceBlock
from kvproof.impl.manager import BlockManager
from kvproof.impl.page_table import PageTable, decode_entry
from kvproof.impl.page_table_upload import UploadedTables
from kvproof.impl.refusal import ProtocolError, Reason, Refused
from kvproof.impl.reporting import STEPS, Observer
from kvproof.impl.requests import Admission, AdmittedRequest, BatchAdmission, Request, RetentionRange
from kvproof.impl.tokens import join_token, split_token

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
