"""An executor over sequence caches: who is computed in an iteration, what is held back, and what becomes of the rest."""

from kvproof.impl.executor.config import Delay, ExecutorConfig
from kvproof.impl.executor.delay import DelayBatching
from kvproof.impl.executor.executor import Executor
from kvproof.impl.executor.refusal import Error, ExecutorError, ExecutorRefused
from kvproof.impl.executor.requests import Peers, Phase, Request, Stage
from kvproof.impl.executor.steps import STEPS, Observer

__all__ = [
    "STEPS",
    "Delay",
    "DelayBatching",
    "Error",
    "Executor",
    "ExecutorConfig",
    "ExecutorError",
    "ExecutorRefused",
    "Observer",
    "Peers",
    "Phase",
    "Request",
    "Stage",
]
