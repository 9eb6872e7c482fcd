"""The machine's tokens and the implementation's."""

from __future__ import annotations

import pytest

from kvproof.fuzz.targets.token_split import TokenSplit
from kvproof.impl.block_manager import join_token

SPLIT = TokenSplit(vocabulary=6, extra_ids=2)


def joined(*tokens: int) -> tuple[int, ...]:
    token_ids, extra_ids = SPLIT.parts(tokens)
    assert extra_ids is not None
    return tuple(map(join_token, token_ids, extra_ids))


def test_a_token_is_its_id_and_its_extra_id() -> None:
    assert SPLIT.parts((0, 2, 3, 5)) == ((0, 2, 0, 2), (0, 0, 1, 1))


@pytest.mark.parametrize("token", range(6))
def test_joined_tokens_lead_back(token: int) -> None:
    assert SPLIT.machine_tokens(joined(token)) == (token,)


def test_different_tokens_stay_different_and_in_order() -> None:
    assert sorted(joined(*range(6))) == list(joined(*range(6)))
    assert len(set(joined(*range(6)))) == 6


def test_without_extra_ids_nothing_is_split() -> None:
    plain = TokenSplit(vocabulary=6, extra_ids=1)
    assert plain.parts((4, 5)) == ((4, 5), None)
    assert plain.machine_tokens((4, 5)) == (4, 5)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("begin", (0, joined(3, 1), None, 0), (0, (3, 1), None, 0)),
        ("extend", (0, joined(5)), (0, (5,))),
        ("attach", (2, None, joined(4, 4)), (2, None, (4, 4))),
        ("close_claims", ((3, 5),), ((3, 5),)),
    ],
)
def test_steps_get_the_machines_tokens(name: str, arguments: tuple[object, ...], expected: tuple[object, ...]) -> None:
    assert SPLIT.machine_step(name, arguments) == expected
