"""The sequence caches of a second-generation manager: pages, capacity, suspend and resume, eviction from level to level.

Read the files in this order: `kinds` (what things there are), `storage` (pages, who keeps them, the eviction queues),
`caches` (what a cache has), `room` (how device memory is vacated, and how it is decided that it can be), `manager` (the
operations, and what is always true), `variants` (historic bugs).

One life cycle, full attention, and one pool group; the executor's protocol over these operations is not here yet.
"""

from kvproof.spec.sequence_caches.kinds import SequenceCachesParameters
from kvproof.spec.sequence_caches.manager import SequenceCaches
from kvproof.spec.sequence_caches.sizes import SIZES
from kvproof.spec.sequence_caches.variants import VARIANTS

MACHINE = SequenceCaches

ONLY_FUZZED: dict[str, str] = {}
"""Rules and promises that no proof covers, each with the reason: none."""

__all__ = ["MACHINE", "ONLY_FUZZED", "SIZES", "VARIANTS", "SequenceCaches", "SequenceCachesParameters"]
