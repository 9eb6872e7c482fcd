"""The executor's protocol over sequence caches: requests, passes, delays, and what becomes of those that are not forwarded.

Read the files in this order: `kinds` (what things there are), `requests` (what an executor keeps of a request, and the
rules), `request_caches` (what it does to a request's caches), `forwarding` (what of a pass is forwarded, and the one
release of the rest), `actions` (what a request gets in a pass), `operations` (what drives an executor), `invariants` (what
is always true), `trials` (that a release takes all of it back), `view` (how it looks from outside), `machine` (the whole),
`sizes` (where it is checked), `variants` (historic bugs). What happens to the caches themselves is in the machine
`sequence_caches`, on which this one is built.
"""

from kvproof.spec.executor.kinds import ExecutorParameters
from kvproof.spec.executor.machine import Executor
from kvproof.spec.executor.sizes import PURPOSES, SIZES, UNREACHED
from kvproof.spec.executor.variants import VARIANTS

MACHINE = Executor

ONLY_FUZZED: dict[str, str] = {}
"""Rules and promises that no proof covers, each with the reason: none."""

BUILT_ON = "sequence-caches"
"""The machine that this one extends: what happens to the caches alone is explored there."""

SELDOM = frozenset({"hand_over", "finish"})
"""Operations that end what others have built up: random sequences use them seldom."""

TRIED = frozenset({"X-29"})
"""Variants that break nothing but a trial."""

__all__ = [
    "BUILT_ON",
    "MACHINE",
    "ONLY_FUZZED",
    "PURPOSES",
    "SELDOM",
    "SIZES",
    "TRIED",
    "UNREACHED",
    "VARIANTS",
    "Executor",
    "ExecutorParameters",
]
