"""An executor over sequence caches: who is computed in an iteration, what is held back, and what becomes of the rest."""

from kvproof.impl.executor.config import Delay, ExecutorConfig
from kvproof.impl.executor.delay import DelayBatching
from kvproof.impl.executor.executor import Executor
from kvproof.impl.executor.reasons import Reason
from kvproof.impl.executor.requests import Peers, Phase, Request, Stage
from kvproof.impl.executor.snapshot import Snapshot
from kvproof.impl.executor.steps import STEPS
from kvproof.impl.observer import Observer
from kvproof.impl.refusals import ProtocolError, Refused

__all__ = [
    "STEPS",
    "Delay",
    "DelayBatching",
    "Executor",
    "ExecutorConfig",
    "Observer",
    "Peers",
    "Phase",
    "ProtocolError",
    "Reason",
    "Refused",
    "Request",
    "Snapshot",
    "Stage",
]
