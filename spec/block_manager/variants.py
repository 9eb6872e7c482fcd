"""Historic bugs by their numbers in `spec/BUGS.md`; # is an issue or pull request of TensorRT-LLM.

Every checker must find each of them.
"""

from __future__ import annotations

from kvproof.spec.block_manager.manager import BlockManager
from kvproof.spec.block_manager.variants_batch import BATCH_VARIANTS
from kvproof.spec.block_manager.variants_pool import POOL_VARIANTS

VARIANTS: dict[str, type[BlockManager]] = dict(sorted((POOL_VARIANTS | BATCH_VARIANTS).items()))
