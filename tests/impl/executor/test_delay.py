"""Delay batching: when context requests are held back, and for how long."""

from __future__ import annotations

import pytest

from kvproof.impl.executor import Delay, DelayBatching, ExecutorConfig, Peers, Request


def batching(delay: Delay, **sizes: int) -> DelayBatching:
    return DelayBatching(ExecutorConfig(requests=4, max_tokens=16, rows=4, delay=delay, **sizes))


BOTH = Peers(all_have_context=True, all_generate=True)


def decide(
    delay: DelayBatching, generates: bool = True, scheduled_tokens: int = 0, peers: Peers = BOTH
) -> tuple[bool, int, int]:
    decided = delay.keeps(generates, scheduled_tokens, peers)
    _, delay.waited, delay.held_back = decided
    return decided


def chunk(number: int, cursor: int, tokens: int) -> Request:
    request = Request(number, (number,), 99, (), 0)
    request.cursor, request.chunk = cursor, tokens
    return request


def test_without_a_delay_everything_goes_on() -> None:
    assert decide(batching(Delay.NONE))[0]


def test_when_all_ranks_have_both_context_waits_for_so_many_passes_and_then_goes() -> None:
    delay = batching(Delay.BALANCE, delay_passes=2, timeout_passes=9)
    assert [decide(delay)[0] for _ in range(5)] == [False, False, True, False, False]


def test_when_no_rank_could_generate_meanwhile_context_goes_at_once() -> None:
    delay = batching(Delay.BALANCE, delay_passes=2, timeout_passes=9)
    assert decide(delay, generates=False)[0]
    assert decide(delay, peers=Peers(True, all_generate=False))[0]


def test_a_rank_waits_for_the_context_of_others_until_the_timeout() -> None:
    delay = batching(Delay.BALANCE, delay_passes=0, timeout_passes=3)
    alone = Peers(all_have_context=False, all_generate=True)
    assert [decide(delay, peers=alone)[0] for _ in range(5)] == [False, False, False, True, False]


def test_a_rank_does_not_wait_for_others_while_one_of_them_idles() -> None:
    delay = batching(Delay.BALANCE, timeout_passes=3)
    assert decide(delay, peers=Peers(False, False, some_do_not_generate=True))[0]


def test_a_rank_without_generation_work_does_not_wait_for_others() -> None:
    assert decide(batching(Delay.BALANCE, timeout_passes=3), generates=False, peers=Peers(False, True, False))[0]


def test_the_wait_for_others_begins_anew_once_all_had_context() -> None:
    delay = batching(Delay.BALANCE, delay_passes=1, timeout_passes=3)
    decide(delay, peers=Peers(all_have_context=False))
    assert delay.waited == 1
    decide(delay)
    assert delay.waited == 0


def test_a_fuller_batch_is_waited_for_so_many_passes() -> None:
    delay = batching(Delay.WAIT, delay_passes=2, wait_tokens=8)
    assert [decide(delay, scheduled_tokens=7)[0] for _ in range(4)] == [False, False, True, False]


def test_a_batch_that_is_full_enough_does_not_wait() -> None:
    delay = batching(Delay.WAIT, delay_passes=2, wait_tokens=8)
    decide(delay, scheduled_tokens=7)
    assert decide(delay, scheduled_tokens=8) == (True, 0, 0)


def test_context_alone_does_not_wait_for_a_fuller_batch() -> None:
    assert decide(batching(Delay.WAIT, delay_passes=2, wait_tokens=8), generates=False, scheduled_tokens=1)[0]


@pytest.mark.parametrize(("most", "kept"), [(0, 3), (20, 3), (19, 2), (9, 1), (2, 1)])
def test_context_is_cut_where_it_attends_to_too_many_tokens_but_one_always_goes(most: int, kept: int) -> None:
    delay = batching(Delay.NONE, attended_max=most)
    assert delay.within_attended([chunk(0, 4, 2), chunk(1, 0, 4), chunk(2, 8, 2)]) == kept
