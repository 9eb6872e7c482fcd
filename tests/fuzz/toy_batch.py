"""The toy queue with records: `push_all` pushes several orders at once or none, `weigh` is a query, which takes no step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve
from toy_queue import DEFAULTS, TOY, Rejected, ToyReference, ToyTarget, make_shapes

from kvproof.fuzz.shapes import Fields, Maybe, Run, Shape, Whole
from kvproof.fuzz.target import Operation, Outcome, Returned

Order = dict[str, Any]

BATCH_DEFAULTS = {**DEFAULTS, "batch": 3, "budget": 9}


def weight_of(word: tuple[int, ...]) -> int:
    return sum(letter + 1 for letter in word)


class BatchReference(ToyReference):
    """An order says what its word weighs (0: it does not say); the lengths of all words must be within the budget."""

    def _error(self, operation: str, arguments: Mapping[str, Any]) -> str | None:
        if operation == "weigh":
            return None if arguments["word"] else "empty-word"
        if operation != "push_all":
            return super()._error(operation, arguments)
        orders: tuple[Order, ...] = arguments["orders"]
        jobs = [order["job"] for order in orders]
        if not orders:
            return "empty-batch"
        if len(set(jobs)) < len(jobs) or self.words.keys() & set(jobs):
            return "queued-already"
        if any(order["weight"] not in (0, weight_of(order["word"])) for order in orders):
            return "wrong-weight"
        if sum(len(order["word"]) for order in orders) > arguments["budget"]:
            return "over-budget"
        return "full" if len(self.words) + len(orders) > self.parameters["capacity"] else None

    def apply(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        if operation not in ("push_all", "weigh"):
            return super().apply(operation, arguments)
        error = self._error(operation, arguments)
        if error is not None:
            raise Rejected(error)
        if operation == "weigh":
            return weight_of(arguments["word"])
        before = len(self.words)
        for order in arguments["orders"]:
            self._take("enter", order["job"], order["word"])
        return tuple(
            {"place": before + at, "length": len(order["word"])} for at, order in enumerate(arguments["orders"])
        )


def make_batch_shapes(parameters: Mapping[str, int]) -> dict[str, dict[str, Shape]]:
    shapes = make_shapes(parameters)
    word = shapes["push"]["word"]
    order = Fields(
        "Order",
        {
            "job": shapes["push"]["job"],
            "word": word,
            "weight": Whole(0, parameters["letters"] * parameters["longest"]),
            "note": Maybe(Whole(0, 1)),
        },
    )
    budget = Whole(0, parameters["budget"])
    return {
        **shapes,
        "push_all": {"orders": Run(order, parameters["batch"]), "budget": budget},
        "weigh": {"word": word},
    }


TOY_BATCH = evolve(
    TOY,
    name="toy-batch",
    presets=(BATCH_DEFAULTS,),
    make_reference=BatchReference,
    make_shapes=make_batch_shapes,
    queries=frozenset({"weigh"}),
)


class BatchTarget(ToyTarget):
    """A correct implementation."""

    def weigh(self, word: tuple[int, ...]) -> Outcome:
        if not word:
            raise Rejected("empty-word")
        return Returned(weight_of(word))

    def push_all(self, orders: tuple[Order, ...], budget: int) -> Outcome:
        probe = BatchReference(self.parameters)
        probe.words = dict(zip(self.jobs, self.words, strict=True))
        error = probe._error("push_all", {"orders": orders, "budget": budget})
        if error is not None:
            raise Rejected(error)
        before = len(self.jobs)
        for order in orders:
            self.enter(order["job"], order["word"])
        return Returned(self.places(before, orders))

    def places(self, before: int, orders: tuple[Order, ...]) -> Any:
        return [{"place": before + at, "length": len(order["word"])} for at, order in enumerate(orders)]


class WrongPlace(BatchTarget):
    """Counts the place of a second order whose word is not empty from the end of the batch."""

    def places(self, before: int, orders: tuple[Order, ...]) -> Any:
        places = super().places(before, orders)
        if len(orders) > 1 and orders[1]["word"]:
            places[1]["place"] += 1
        return places


class HeavyCrash(BatchTarget):
    """Cannot push an order that says what it weighs and has a note."""

    def push_all(self, orders: tuple[Order, ...], budget: int) -> Outcome:
        if any(order["weight"] and order["note"] == 1 for order in orders):
            raise OverflowError("no room for a note")
        return super().push_all(orders, budget)


def push_all(*orders: Order, budget: int = 9) -> Operation:
    return Operation("push_all", {"orders": orders, "budget": budget})


def order(job: int, word: tuple[int, ...] = (), weight: int = 0, note: int | None = None) -> Order:
    return {"job": job, "word": word, "weight": weight, "note": note}
