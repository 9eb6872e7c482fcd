"""The whole machine: each part stands beside the others, and an operation derives nothing that is said about it.

Below all of them are the promise and the actions, and under these the state (`promise`, `actions`, `eviction`,
`sequences`, `tree`, `pool`).
"""

from __future__ import annotations

from kvproof.spec.block_manager.invariants import PoolInvariants, SequenceInvariants, TreeInvariants
from kvproof.spec.block_manager.kinds import BlockManagerParameters
from kvproof.spec.block_manager.operations.batch import BatchOperations
from kvproof.spec.block_manager.operations.cached_blocks import CachedBlockOperations
from kvproof.spec.block_manager.operations.live_sequences import LiveSequenceOperations
from kvproof.spec.block_manager.view import BlockView
from kvproof.spec.lang import Machine


class BlockManager(
    BlockView,
    CachedBlockOperations,
    LiveSequenceOperations,
    BatchOperations,
    SequenceInvariants,
    TreeInvariants,
    PoolInvariants,
    Machine[BlockManagerParameters],
):
    """The block manager of a KV cache: two levels, prefix reuse by whole blocks and parts, one window, beam width 1."""
