"""Sequence caches over real memory: pages of several life cycles, capacity, suspend and resume, eviction to host memory.

Read `manager` first. Below it, each file one concern: `sending`, `launching` (starting a pass), `forward` (where kernels
read and write), `committing`, `growth`, `waking` (open, resume, suspend, close), `room` (how pages give way),
`cache_steps` (every change of state), and what those use: `pages`, `eviction_queues`, `prefix_tree`, `spans`,
`page_copies`, `index_rows`.
"""

from kvproof.impl.observer import Observer
from kvproof.impl.refusals import ProtocolError, Refused
from kvproof.impl.sequence_caches.cache_steps import STEPS
from kvproof.impl.sequence_caches.config import SequenceCacheConfig
from kvproof.impl.sequence_caches.forward import Forward, Use
from kvproof.impl.sequence_caches.index_rows import IndexRows
from kvproof.impl.sequence_caches.inspection import CachesInspection, CacheView, Cell, PageView
from kvproof.impl.sequence_caches.kinds import FULL_GROUP, STATE_GROUP, WINDOW_GROUP, Kind, Status
from kvproof.impl.sequence_caches.launching import Pass
from kvproof.impl.sequence_caches.manager import SequenceCaches
from kvproof.impl.sequence_caches.reasons import Reason

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
    "Status",
    "Use",
]
