"""The block manager of a KV cache: one attention window, beam width 1, reuse of whole blocks and of parts of blocks.

Read the files in this order: `kinds` (what things there are), `pool` (who owns a block), `tree` (what a block holds),
`eviction` (how a block is taken), `sequences` (what a sequence holds), `actions` (what can be done with one), `requests`
and `promise` (what a scheduler may count on), `operations` (how sequences are added, how they go on and end, and what is
done with the cache itself), `invariants` (what is always true), `view` (how it looks from outside), `machine` (the whole),
`sizes` (where it is checked), `variants` (historic bugs), `documenting` (what is said twice, and why).
"""

from kvproof.spec.block_manager.documenting import DOCUMENTING
from kvproof.spec.block_manager.kinds import BlockManagerParameters
from kvproof.spec.block_manager.machine import BlockManager
from kvproof.spec.block_manager.sizes import PURPOSES, SIZES, UNREACHED
from kvproof.spec.block_manager.variants import VARIANTS
from kvproof.spec.lang import Shipped

SHIPPED = Shipped(
    machine=BlockManager,
    variants=VARIANTS,
    sizes=SIZES,
    purposes=PURPOSES,
    unreached=UNREACHED,
    documenting=DOCUMENTING,
)

__all__ = ["SHIPPED", "BlockManager", "BlockManagerParameters"]
