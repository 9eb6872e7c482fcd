"""The sequence caches of a second-generation manager: pages, capacity, suspend and resume, eviction from level to level.

Read the files in this order: `kinds` (what things there are), `storage` (pages, who keeps them, the eviction queues),
`caches` (what a cache has), `windows` (what a sliding window needs), `eviction` (how device memory is vacated, and how it
is decided that it can be), `growth` and `actions` (what can be done with a cache), `operations` (what an engine asks for),
`invariants` (what is always true), `trials` (that nothing is refused in vain), `view` (how it looks from outside),
`machine` (the whole), `sizes` (where it is checked), `variants` (historic bugs), `documenting` (what is said twice, and
why).

There are three life cycles: full attention, a sliding window with sinks and scratch slots, and recurrent state. Blocks are
reused when they are full. The executor's protocol over all this is the machine `executor`.
"""

from kvproof.spec.lang import Shipped
from kvproof.spec.sequence_caches.documenting import DOCUMENTING
from kvproof.spec.sequence_caches.kinds import SequenceCachesParameters
from kvproof.spec.sequence_caches.machine import SequenceCaches
from kvproof.spec.sequence_caches.sizes import PURPOSES, SIZES, UNREACHED
from kvproof.spec.sequence_caches.variants import VARIANTS

SHIPPED = Shipped(
    machine=SequenceCaches,
    variants=VARIANTS,
    sizes=SIZES,
    purposes=PURPOSES,
    unreached=UNREACHED,
    unexplored={
        # The proofs reach it, at 2+1+1.
        ("make_room_on_host", "else"): (
            "a block on the lowest level goes and takes along the page for which it was to make room; "
            "that takes two caches of two blocks on three levels, more states than can be visited"
        ),
    },
    seldom={"stop_committing", "prefetch", "close"},
    tried={"X-07"},
    documenting=DOCUMENTING,
)

__all__ = ["SHIPPED", "SequenceCaches", "SequenceCachesParameters"]
