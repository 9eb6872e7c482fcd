"""The whole machine: each part stands beside the others, and an operation derives nothing that is said about it.

Below all of them are the actions, and under these what a cache has and where its pages are (`actions`, `growth`,
`eviction`, `windows`, `caches`, `storage`).
"""

from __future__ import annotations

from kvproof.spec.lang import Machine
from kvproof.spec.sequence_caches.invariants import CacheInvariants
from kvproof.spec.sequence_caches.kinds import SequenceCachesParameters
from kvproof.spec.sequence_caches.operations import CacheOperations
from kvproof.spec.sequence_caches.trials import CacheTrials
from kvproof.spec.sequence_caches.view import CacheView


class SequenceCaches(CacheOperations, CacheTrials, CacheInvariants, CacheView, Machine[SequenceCachesParameters]):
    """Caches with committed <= history <= capacity, suspended, active or closed, over levels of memory."""
