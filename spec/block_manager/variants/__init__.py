"""Historic bugs by their numbers in `spec/BUGS.md`; # is an issue or pull request of TensorRT-LLM.

Every checker must find each of them. `pool` has those of queues, tree and cache, `batch` those of the batch protocol and of
the promise to the scheduler.
"""

from __future__ import annotations

from kvproof.spec.block_manager.machine import BlockManager
from kvproof.spec.block_manager.variants.batch import BATCH_VARIANTS
from kvproof.spec.block_manager.variants.pool import POOL_VARIANTS

VARIANTS: dict[str, type[BlockManager]] = dict(sorted((POOL_VARIANTS | BATCH_VARIANTS).items()))
