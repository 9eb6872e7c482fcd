"""How many blocks a second go through add, store and finish: `python tests/bench/bench_block_manager.py`.

All variants run on the same requests, in turns, in one process; the best of several rounds is shown for each. The device is
the simulated one with blocks of 64 bytes, so what is measured is bookkeeping. Nothing is asserted about time.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from kvproof.impl.block_manager import BlockManager, PoolConfig
from kvproof.impl.device import SimulatedDevice

BLOCK_TOKENS = 16
REQUESTS = 1500
ROUNDS = 3

Prompt = tuple[int, ...]


def requests(prefixes: int, seed: int) -> list[Prompt]:
    """Prompts of 10 to 40 blocks; two thirds continue one of `prefixes` shared beginnings of 12 blocks."""
    rng = random.Random(seed)
    shared = [tuple(rng.randrange(50_000) for _ in range(12 * BLOCK_TOKENS)) for _ in range(prefixes)]
    prompts = []
    for _ in range(REQUESTS):
        start = rng.choice(shared) if rng.random() < 2 / 3 else ()
        length = rng.randrange(10, 41) * BLOCK_TOKENS
        prompts.append(start + tuple(rng.randrange(50_000) for _ in range(length - len(start) if start else length)))
    return prompts


def run(prompts: list[Prompt], primary: int, secondary: int, check: bool, observe: bool) -> tuple[float, BlockManager]:
    """Seconds for all prompts, four of them live at a time, and the manager afterwards."""
    config = PoolConfig(
        primary_blocks=primary,
        secondary_blocks=secondary,
        tokens_per_block=BLOCK_TOKENS,
        block_bytes=64,
        max_sequence_tokens=4096,
        extra_ids=False,
    )
    device = SimulatedDevice(primary, secondary, 64, tokens_per_block=BLOCK_TOKENS, check=check)
    log: list[tuple[str, tuple[Any, ...]]] = []
    observer: Callable[[str, tuple[Any, ...]], None] | None = None
    if observe:

        def observer(name: str, arguments: tuple[Any, ...]) -> None:
            log.append((name, arguments))

    manager = BlockManager(config, device, observer)
    start = time.perf_counter()
    for number, prompt in enumerate(prompts):
        if number >= 4:
            manager.finish(number - 4)
        manager.begin_iteration()
        manager.add_sequence(number, prompt)
        manager.end_iteration()
        manager.store(number)
        log.clear()
    return time.perf_counter() - start, manager


VARIANTS: dict[str, tuple[int, int, bool, bool]] = {
    # name: primary blocks, secondary blocks, happens-before check, observer
    "no eviction": (65_536, 0, False, False),
    "eviction": (2_048, 0, False, False),
    "eviction, offload, onboard": (2_048, 16_384, False, False),
    "  + happens-before record": (2_048, 16_384, True, False),
    "  + observer (appends to a list)": (2_048, 16_384, False, True),
    "  + both": (2_048, 16_384, True, True),
}


def main() -> None:
    """Print the table."""
    prompts = requests(prefixes=40, seed=1)
    blocks = sum(-(-len(prompt) // BLOCK_TOKENS) for prompt in prompts)
    best: dict[str, tuple[float, BlockManager]] = {}
    for _ in range(ROUNDS):
        for name, (primary, secondary, check, observe) in VARIANTS.items():
            result = run(prompts, primary, secondary, check, observe)
            if name not in best or result[0] < best[name][0]:
                best[name] = result
    print(f"{len(prompts)} requests, {blocks} blocks of {BLOCK_TOKENS} tokens; best of {ROUNDS} rounds")
    print(f"{'':34}{'blocks/s':>10}{'us/block':>10}{'reused':>9}{'evicted':>9}{'offloaded':>10}{'onboarded':>10}")
    for name, (seconds, manager) in best.items():
        counters = manager.counters
        print(
            f"{name:34}{blocks / seconds:>10,.0f}{seconds / blocks * 1e6:>10.2f}"
            f"{counters.blocks_reused_primary + counters.blocks_reused_secondary:>9}{counters.blocks_evicted:>9}"
            f"{counters.blocks_offloaded:>10}{counters.blocks_onboarded:>10}"
        )


if __name__ == "__main__":
    main()
