"""How many operations a second the sequence caches do: `python tests/bench/bench_sequence_caches.py`.

All variants run the same requests, in turns, in one process; the best of several rounds is shown for each. The devices are
simulated ones with small pages, so what is measured is bookkeeping. Nothing is asserted about time.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from kvproof.impl.device import Device, Pool, SimulatedDevice
from kvproof.impl.sequence_caches import Refused, SequenceCacheConfig, SequenceCaches

BLOCK_TOKENS = 32
BLOCKS_MAX = 64
CHUNK = 512
REQUESTS = 150
LIVE = 12
DECODED = 64
ROUNDS = 3

Request = tuple[tuple[int, ...], int]
"""The text, and the tokens of the prompt."""


def requests(seed: int) -> list[Request]:
    """Prompts of 10 to 60 blocks; two thirds continue one of 20 shared beginnings of 8 blocks."""
    rng = random.Random(seed)
    shared = [tuple(rng.randrange(1 << 40) for _ in range(8)) for _ in range(20)]
    made = []
    for _ in range(REQUESTS):
        start = rng.choice(shared) if rng.random() < 2 / 3 else ()
        blocks = rng.randrange(10, 61)
        text = (*start, *(rng.randrange(1 << 40) for _ in range(blocks - len(start))))
        made.append((text, blocks * BLOCK_TOKENS - rng.randrange(BLOCK_TOKENS)))
    return made


def make(primary: int, secondary: int, check: bool = False, observer: bool = False, **others: int) -> SequenceCaches:
    """A manager on simulated devices."""
    pool = (Pool(BLOCK_TOKENS * 2),)
    config = SequenceCacheConfig(
        primary_slots=primary,
        secondary_slots=secondary,
        tokens_per_block=BLOCK_TOKENS,
        blocks_max=BLOCKS_MAX + 4,
        pools=pool,
        window_pools=pool if others.get("window_primary") else (),
        state_pools=(Pool(64),) if others.get("state_primary") else (),
        **others,
    )
    devices: dict[int, Device] = {
        group: SimulatedDevice(
            *config.slots_of(group),
            config.pools_of(group)[0].block_bytes,
            tokens_per_block=config.tokens_of(group),
            check=check,
        )
        for group in config.groups
    }
    log: list[tuple[str, tuple[Any, ...]]] = []
    return SequenceCaches(devices, config, (lambda *step: log.append(step)) if observer else None)


class Engine:
    """Chunked prefill and decoding in turns; what does not fit waits, suspended, until a turn finds room."""

    def __init__(self, caches: SequenceCaches, work: list[Request], turn: int, passes: bool) -> None:
        self.caches = caches
        self.counts: Counter[str] = Counter()
        self._work = list(reversed(list(enumerate(work))))
        self._left: dict[int, tuple[int, int]] = {}  # cache: prompt, end
        self._turn = turn
        self._rows = list(range(LIVE))
        self._row: dict[int, int] = {}
        self._passes = passes

    def run(self) -> float:
        """Seconds of processor time for everything, which neighbours on the machine disturb less."""
        start = time.process_time()
        while self._work or self._left:
            while self._work and len(self._left) < LIVE:
                number, (text, prompt) = self._work.pop()
                self.call(self.caches.create, number, text[: (prompt - 1) // BLOCK_TOKENS], 35)
                self._left[number] = (prompt, prompt + DECODED)
                if self._passes:
                    self._row[number] = self._rows.pop()
                    self.caches.bind_row(number, self._row[number])
            for number in list(self._left):
                self.advance(number)
        return time.process_time() - start

    def call(self, operation: Callable[..., Any], *arguments: Any) -> bool:
        """One operation; False when it is refused."""
        try:
            operation(*arguments)
        except Refused as refused:
            self.counts[refused.reason] += 1
            return False
        self.counts["operations"] += 1
        return True

    def advance(self, number: int) -> None:
        """A chunk of the prompt, or a turn of decoding; then the next may have the device."""
        caches, (prompt, end) = self.caches, self._left[number]
        if not self.call(caches.resume, number):
            return
        for _ in range(self._turn):
            history = caches.history(number)
            if history >= end:
                break
            todo = min(history + CHUNK, prompt) if history < prompt else history + 1
            if not self.call(caches.resize, number, todo, history):
                break
            if self._passes:
                caches.start_pass([number], caches.forward_streams[0])
            self.call(caches.resize, number, todo, todo)
            if history < prompt:
                while caches.committed(number) < min(todo // BLOCK_TOKENS, (prompt - 1) // BLOCK_TOKENS):
                    self.call(caches.commit, number)
                if todo == prompt:
                    self.call(caches.stop_committing, number)
        if caches.history(number) >= end:
            del self._left[number]
            if self._passes:
                self.caches.unbind_row(number)
                self._rows.append(self._row.pop(number))
            self.call(caches.close, number)
        else:
            self.call(caches.suspend, number)


HOST = {"primary": 300, "secondary": 8_000}
WINDOWS = {"window_tokens": 256, "window_primary": 200, "window_secondary": 4_000}
VARIANTS: dict[str, dict[str, Any]] = {
    "everything fits": {"primary": 12_000, "secondary": 0},
    "eviction": {"primary": 700, "secondary": 0},
    "suspended ones go to the host": HOST,
    "  and the host is full, too": {"primary": 300, "secondary": 1_500},
    "  + happens-before record": {**HOST, "check": True},
    "  + observer (appends to a list)": {**HOST, "observer": True},
    "  + a pass started for each resize": {**HOST, "passes": True},
    "  + windows in pools of their own": {**HOST, **WINDOWS},
    "  + blocks in scratch": {**HOST, **WINDOWS, "scratch_share": 8},
    "  + recurrent state": {**HOST, "state_primary": 40, "state_secondary": 400},
}


def main() -> None:
    """Print the table."""
    work = requests(seed=1)
    best: dict[str, tuple[float, Engine]] = {}
    for _ in range(ROUNDS):
        for name, sizes in VARIANTS.items():
            others = {key: value for key, value in sizes.items() if key != "passes"}
            engine = Engine(make(**others, rows=LIVE), work, turn=16, passes="passes" in sizes)
            seconds = engine.run()
            if name not in best or seconds < best[name][0]:
                best[name] = (seconds, engine)
    print(f"{REQUESTS} requests, {LIVE} at a time, {BLOCK_TOKENS} tokens a block; best of {ROUNDS} rounds")
    print(f"{'':36}{'operations/s':>13}{'us each':>9}{'refused':>9}{'pages copied':>14}{'a batch':>9}{'copies/s':>11}")
    for name, (seconds, engine) in best.items():
        count, copied = engine.counts["operations"], engine.caches.pages_copied()
        refused = sum(engine.counts.values()) - count
        print(
            f"{name:36}{count / seconds:>13,.0f}{seconds / count * 1e6:>9.1f}{refused:>9}{copied:>14,}"
            f"{copied / max(1, engine.caches.copy_batches()):>9.1f}{copied / seconds:>11,.0f}"
        )


if __name__ == "__main__":
    main()
