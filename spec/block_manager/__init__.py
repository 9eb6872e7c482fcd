"""The block manager of a KV cache: one attention window, beam width 1, reuse of full blocks.

Read the files in this order: `kinds` (what things there are), `pool` (who owns a block), `tree` (what a block holds),
`eviction` (how a block is taken), `sequences` (how they grow and end), `manager` (the whole), `variants` (historic bugs).
"""

from kvproof.spec.block_manager.kinds import BlockManagerParameters
from kvproof.spec.block_manager.manager import BlockManager
from kvproof.spec.block_manager.sizes import SIZES
from kvproof.spec.block_manager.variants import VARIANTS

MACHINE = BlockManager

__all__ = ["MACHINE", "SIZES", "VARIANTS", "BlockManager", "BlockManagerParameters"]
