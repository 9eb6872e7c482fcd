"""Targets for the command line's tests: the real manager, made to misbehave as a user's target might."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvproof.fuzz.target import Operation, Outcome
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device

not_callable = 3


class Forgetful(BlockManagerTarget):
    """Shows no sequences."""

    def __init__(self) -> None:
        super().__init__(simulated_device)

    def observe(self) -> dict[str, Any]:
        return {**super().observe(), "sequences": {}}


class Crashing(BlockManagerTarget):
    """Cannot finish."""

    def __init__(self) -> None:
        super().__init__(simulated_device)

    def apply(self, operation: Operation) -> Outcome:
        if operation.name == "finish":
            raise RuntimeError("finish is not written yet")
        return super().apply(operation)


class ResetRaises(BlockManagerTarget):
    def __init__(self) -> None:
        super().__init__(simulated_device)

    def reset(self, parameters: Mapping[str, int]) -> None:
        raise OSError("no memory")


class Interrupted(BlockManagerTarget):
    """Has the user press Ctrl-C at the hundredth operation."""

    count = 0

    def __init__(self) -> None:
        super().__init__(simulated_device)

    def apply(self, operation: Operation) -> Outcome:
        Interrupted.count += 1
        if Interrupted.count == 100:
            raise KeyboardInterrupt
        return super().apply(operation)


def constructor_raises() -> BlockManagerTarget:
    raise ValueError("no licence")


class NoMethods:
    def reset(self, parameters: Mapping[str, int]) -> None:
        del parameters
