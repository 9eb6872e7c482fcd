"""A two-level KV-cache block manager over real memory, as an inference engine would embed it."""

from kvproof.impl.config import PoolConfig
from kvproof.impl.counters import Counters
from kvproof.impl.inspection import BlockInUse, FreeBlock, Inspection, LiveSequence, Location, SequenceBlock
from kvproof.impl.manager import Admission, BlockManager
from kvproof.impl.page_table import PageTable, decode_entry
from kvproof.impl.refusal import ProtocolError, Reason, Refused
from kvproof.impl.steps import STEPS, Observer

__all__ = [
    "STEPS",
    "Admission",
    "BlockInUse",
    "BlockManager",
    "Counters",
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
    "SequenceBlock",
    "decode_entry",
]
