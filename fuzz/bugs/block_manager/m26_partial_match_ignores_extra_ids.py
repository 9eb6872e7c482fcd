"""M-26: partial match ignores extra ids."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.reuse_tree import ReuseTree
from kvproof.impl.block_manager.tokens import Key, split_token


class TokenIdsOnly(ReuseTree):
    """Compares what is left of a token without its extra id."""

    def common_prefix(self, key: Key, wanted: Key) -> int:
        """Number of token ids at the beginning that are equal."""
        return super().common_prefix(_token_ids(key), _token_ids(wanted))


def _token_ids(key: Key) -> Key:
    return tuple([split_token(joined)[0] for joined in key])


ExtraIdsIgnored = plant(BlockManager, parts={ReuseTree: TokenIdsOnly})


BUG = SeededBug(
    id="M-26",
    title="partial match ignores extra ids",
    source="radixBlockTreeTest 27",
    mechanism=(
        "Blocks that are matched in part are compared by their token ids alone. Two prompts with equal tokens for "
        "different images then share the KV data of one of them."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, ExtraIdsIgnored),
    oracles=("step", "result", "content"),
    no_variant="implementation only: the specification has no extra ids apart from tokens",
)
