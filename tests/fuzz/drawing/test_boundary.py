"""Operations just beyond what the specification allows."""

from __future__ import annotations

from kvproof.fuzz.chooser import RandomChooser
from kvproof.fuzz.drawing.arguments import ArgumentSource
from kvproof.fuzz.drawing.boundary import beyond
from kvproof.fuzz.drawing.values import ValueSource
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.target import Operation

SUBJECT = subject_named("block-manager")
PARAMETERS = {**SUBJECT.defaults, "primary_blocks": 1, "tokens_per_block": 2, "max_tokens": 5}


def _beyond(operation: Operation, seed: int) -> Operation | None:
    reference = SUBJECT.reference(PARAMETERS)
    shapes = SUBJECT.make_shapes(PARAMETERS)
    values = ValueSource(SUBJECT, shapes, reference)
    return beyond(operation, shapes[operation.name], values, reference, RandomChooser(seed))


def test_a_prompt_grows_until_it_is_one_token_too_long() -> None:
    found = [_beyond(Operation("add", {"sequence": 0, "tokens": (0,), "priority": 1}), seed) for seed in range(20)]
    assert {len(operation.arguments["tokens"]) for operation in found if operation is not None} == {3}


def test_what_cannot_be_moved_has_nothing_beyond_it() -> None:
    assert _beyond(Operation("finish", {"sequence": 0}), 0) is None


def test_what_is_never_refused_has_nothing_beyond_it() -> None:
    assert all(_beyond(Operation("refresh", {"elapsed": 0}), seed) is None for seed in range(20))


def test_it_is_drawn_from_what_is_enabled() -> None:
    reference = SUBJECT.reference(PARAMETERS)
    source = ArgumentSource(SUBJECT, PARAMETERS, reference)
    found = [source.draw_beyond("add", RandomChooser(seed)) for seed in range(50)]
    drawn = [operation for operation in found if operation is not None]
    assert drawn
    assert all(reference.enabled(operation.name, operation.arguments) is not None for operation in drawn)
