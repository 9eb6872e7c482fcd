"""What the call graph of a machine says."""

from __future__ import annotations

import ast

import attrs

from kvproof.model.machines import load
from kvproof.spec.lang import Index, Machine, Parameters, Set, compile_machine, ensure, operation, require, step, trial
from kvproof.spec.lang.calls import called, inlined_size, only_tried, queries, reached, running_methods


@attrs.frozen
class ShopParameters(Parameters):
    """Sizes of a shop."""

    goods: int = 2


class Good(Index):
    """A thing that is sold."""

    @classmethod
    def count(cls, parameters: ShopParameters) -> int:
        return parameters.goods


class Shop(Machine[ShopParameters]):
    """Goods are sold and brought back."""

    sold: Set[Good]
    """What is not there."""

    @step
    def take(self, good: Good) -> None:
        """Sell one."""
        require(self.is_there(good), "sold-once")
        self.sold.add(good)

    @step
    def put(self, good: Good) -> None:
        """Have one back."""
        self.sold.discard(good)

    def is_there(self, good: Good) -> bool:
        """Whether one can be sold."""
        return good not in self.sold

    @operation
    def sell(self, good: Good) -> bool:
        """Sell one if it is there; whether it was."""
        if self.is_on_offer(good):
            self.take(good)
            return True
        return False

    def is_on_offer(self, good: Good) -> bool:
        """Whether a customer finds one."""
        return self.is_there(good)

    @operation
    def ask(self, good: Good) -> bool:
        """Whether one is there."""
        return self.is_on_offer(good)

    @operation
    def add(self, good: Good) -> None:
        """Bring one back."""
        self.put(good)

    @trial
    def a_return_undoes_a_sale(self, good: Good) -> None:
        """What was there is there again."""
        self.exchange(good)
        ensure(self.is_there(good), "there-again")

    def exchange(self, good: Good) -> None:
        """Sell one and have it back."""
        if self.is_there(good):
            self.take(good)
        self.put(good)


SHOP = compile_machine(Shop)


def _is_rule(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="require")):
            return True
    return False


def test_each_call_of_a_method_counts_once_in_order_of_appearance() -> None:
    assert called(SHOP.methods["exchange"].node) == ("is_there", "take", "put")


def test_a_method_of_a_container_is_no_method_of_the_machine() -> None:
    assert "add" not in reached(SHOP, ["take"])


def test_calls_are_followed_at_however_many_removes() -> None:
    assert reached(SHOP, ["ask"]) == {"ask", "is_on_offer", "is_there"}


def test_what_is_left_out_calls_nothing() -> None:
    assert reached(SHOP, ["take"]) == {"take", "is_there"}
    assert reached(SHOP, ["take"], leaving_out=_is_rule) == {"take"}


def test_a_run_comes_to_what_operations_and_steps_reach() -> None:
    assert running_methods(SHOP) == {"take", "put", "sell", "ask", "add", "is_there", "is_on_offer"}


def test_what_only_trials_reach_is_no_part_of_a_run() -> None:
    assert only_tried(SHOP) == {"a_return_undoes_a_sale", "exchange"}


def test_queries_are_the_operations_that_reach_no_step() -> None:
    assert queries(SHOP) == {"ask"}
    assert queries(load("block-manager").definition) == {"estimate", "blocks_needed"}


def test_a_method_that_is_called_twice_is_measured_twice() -> None:
    size = {name: inlined_size(SHOP, name) for name in SHOP.methods}
    own = sum(1 for _ in ast.walk(SHOP.methods["exchange"].node))
    assert size["exchange"] == own + size["is_there"] + size["take"] + size["put"]
    own = sum(1 for _ in ast.walk(SHOP.methods["take"].node))
    assert size["take"] == own + size["is_there"]


def test_operations_are_measured_with_all_that_they_call() -> None:
    definition = load("block-manager").definition
    assert inlined_size(definition, "add") > inlined_size(definition, "offload") > inlined_size(definition, "store")
