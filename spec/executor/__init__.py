"""The executor's protocol over sequence caches: requests, passes, delays, and what becomes of those that are not forwarded.

Read the files in this order: `kinds` (what things there are), `requests` (what an executor keeps of a request, and the
rules), `request_caches` (what it does to a request's caches), `forwarding` (what of a pass is forwarded, and the one
release of the rest), `actions` (what a request gets in a pass), `operations` (what drives an executor), `invariants` (what
is always true), `trials` (that a release takes all of it back), `view` (how it looks from outside), `machine` (the whole),
`sizes` (where it is checked), `variants` (historic bugs), `documenting` (what is said twice, and why). What happens to the
caches themselves is in the machine `sequence_caches`, on which this one is built.
"""

from kvproof.spec.executor.documenting import DOCUMENTING
from kvproof.spec.executor.kinds import ExecutorParameters
from kvproof.spec.executor.machine import Executor
from kvproof.spec.executor.sizes import PURPOSES, SIZES, UNREACHED
from kvproof.spec.executor.variants import VARIANTS
from kvproof.spec.lang import Shipped

SHIPPED = Shipped(
    machine=Executor,
    variants=VARIANTS,
    sizes=SIZES,
    purposes=PURPOSES,
    unreached=UNREACHED,
    seldom={"hand_over", "finish"},
    tried={"X-29"},
    built_on="sequence-caches",
    documenting=DOCUMENTING,
)

__all__ = ["SHIPPED", "Executor", "ExecutorParameters"]
