"""Sequence caches over real memory: pages of several life cycles, capacity, suspend and resume, eviction to host memory.

Read `manager` first: it is what an engine calls, and holds the parts. Each file is one of them: `life_cycle` (open, resume,
suspend, close), `growth`, `committing`, `forward` (where kernels read and write), `passes` (starting a pass, and sending);
what these use: `room` (how pages give way), `cache_steps` (the state, and every change of it); and what that is made of:
`pages`, `eviction_queues`, `prefix_tree`, `spans`, `page_copies`, `index_rows`. `snapshot` copies the state, and
`inspection` reads the copy.
"""

from kvproof.impl.observer import Observer
from kvproof.impl.refusals import ProtocolError, Refused
from kvproof.impl.sequence_caches.cache_steps import STEPS
from kvproof.impl.sequence_caches.config import SequenceCacheConfig
from kvproof.impl.sequence_caches.forward import Forward, Use
from kvproof.impl.sequence_caches.index_rows import IndexRows
from kvproof.impl.sequence_caches.inspection import CachesInspection, CacheView, Cell, PageView
from kvproof.impl.sequence_caches.kinds import FULL_GROUP, STATE_GROUP, WINDOW_GROUP, Kind, Status
from kvproof.impl.sequence_caches.manager import SequenceCaches
from kvproof.impl.sequence_caches.passes import Pass
from kvproof.impl.sequence_caches.reasons import Reason
from kvproof.impl.sequence_caches.snapshot import Snapshot

__all__ = [
    "FULL_GROUP",
    "STATE_GROUP",
    "STEPS",
    "WINDOW_GROUP",
    "CacheView",
    "CachesInspection",
    "Cell",
    "Forward",
    "IndexRows",
    "Kind",
    "Observer",
    "PageView",
    "Pass",
    "ProtocolError",
    "Reason",
    "Refused",
    "SequenceCacheConfig",
    "SequenceCaches",
    "Snapshot",
    "Status",
    "Use",
]
