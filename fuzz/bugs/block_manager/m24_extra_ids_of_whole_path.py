"""M-24: lookup with the extra ids of the whole path."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.paths import CachedPaths
from kvproof.impl.block_manager.tokens import Key, join_token, split_token


class WholeKeys(CachedPaths):
    """Splits the token ids of a path, and not its extra ids."""

    def path_keys(self, path: Key) -> list[Key]:
        """The keys of the blocks along a path, all with the same extra ids."""
        extra_ids = [split_token(joined)[1] for joined in path]
        size = self._config.tokens_per_block
        return [
            tuple([join_token(split_token(joined)[0], extra) for joined, extra in zip(own, extra_ids, strict=False)])
            for own in (path[start : start + size] for start in range(0, len(path), size))
        ]


WholeKeyCopied = plant(BlockManager, parts={CachedPaths: WholeKeys})

BUG = SeededBug(
    id="M-24",
    title="lookup with the extra ids of the whole path",
    source="#12472",
    mechanism=(
        "A lookup by key splits a path into blocks and copies the extra ids of the whole path to each: every block "
        "is looked for with those of the first tokens. A path whose extra ids change is never found, though it is "
        "stored."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, WholeKeyCopied),
    oracles=("result", "observation"),
    no_variant="implementation only: the specification has no extra ids apart from tokens",
)
