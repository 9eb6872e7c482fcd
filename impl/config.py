"""A check of the numbers that configurations are made of."""

from __future__ import annotations

from typing import Any

from attrs import Attribute


class AtLeast:
    """A validator: a whole number no smaller than `minimum`."""

    def __init__(self, minimum: int) -> None:
        self.minimum = minimum

    def __call__(self, instance: object, attribute: Attribute[Any], value: object) -> None:
        name = f"{type(instance).__name__}.{attribute.name}"
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name}: needs a whole number, got {value!r}")
        if value < self.minimum:
            raise ValueError(f"{name}: needs at least {self.minimum}, got {value}")
