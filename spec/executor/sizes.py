"""The sizes at which the executor is checked by default: two or three requests that compete for memory, and each kind that
makes releasing difficult: drafts in flight, a draft model, scratch, recurrent state."""

from __future__ import annotations

from collections.abc import Mapping

from kvproof.spec.executor.kinds import BALANCE, WAIT, ExecutorParameters


def _sized(primary: int, secondary: int, **others: int) -> ExecutorParameters:
    least = {
        "requests": 2,
        "rows": 1,
        "max_tokens": 2,
        "chunks": 1,
        "tokens_per_block": 1,
        "blocks_max": 2,
        "priorities": 1,
    }
    return ExecutorParameters(primary_slots=primary, secondary_slots=secondary, **{**least, **others})


def _one(primary: int, secondary: int, **others: int) -> ExecutorParameters:
    """One request, of two blocks of two tokens: the smallest with a chunk of several tokens and a block to reuse."""
    return _sized(primary, secondary, **{"requests": 1, "max_tokens": 3, "tokens_per_block": 2, **others})


def _small(primary: int, secondary: int, **others: int) -> ExecutorParameters:
    """Two requests of one block each, for a token of prompt and one generated: the smallest that share a pass."""
    return _sized(primary, secondary, **{"rows": 2, "tokens_per_block": 2, "blocks_max": 1, **others})


def _fuzzed(primary: int, secondary: int, **others: int) -> ExecutorParameters:
    return ExecutorParameters(primary_slots=primary, secondary_slots=secondary, **others)


SIZES: Mapping[str, Mapping[str, ExecutorParameters]] = {
    "induction": {
        "2+1": _sized(2, 1, blocks_max=3, max_tokens=3),
        "2+0, two rows": _sized(2, 0, blocks_max=3, rows=2, max_tokens=1, priorities=2),
        "3+1, balance": _sized(3, 1, rows=2, delay=BALANCE),
        "2+1, three requests, waiting": _small(
            2, 1, requests=3, rows=3, max_tokens=3, delay=WAIT, wait_tokens=3, attended_max=2
        ),
        "3+0, drafts in flight": _one(3, 0, blocks_max=3, draft_tokens=1, overlap=1, max_tokens=4),
        "4+0, draft model": _one(4, 0, blocks_max=3, draft_model=1, chunks=2),
        "3+1, two with a draft model": _small(3, 1, draft_model=1, chunks=2),
        "4+0, scratch": _one(4, 0, window_tokens=1, scratch_share=1, rewind=1),
        "4+0, two in scratch": _sized(4, 0, rows=2, window_tokens=1, scratch_share=1, rewind=1),
        "3+1, two with a window": _sized(3, 1, rows=2, window_tokens=1),
        "2+0, recurrent state": _one(2, 0, state_primary=2),
        "1+1, two with a recurrent state": _small(1, 1, state_primary=1, state_secondary=1),
    },
    "bounded": {"2+1": _sized(2, 1)},
    "explore": {
        "1+1": _sized(1, 1, requests=1),
        "2+0": _sized(2, 0, requests=1),
        "1+0, overlap": _sized(1, 0, requests=1, overlap=1),
        "2+1, two tokens a block": _one(2, 1),
        "3+1, drafts in flight": _one(3, 1, blocks_max=3, draft_tokens=1, overlap=1, max_tokens=4),
        "3+1, draft model": _one(3, 1, draft_model=1, chunks=2),
        "4+1, scratch": _one(4, 1, window_tokens=1, scratch_share=1, rewind=1),
        "2+1, recurrent state": _one(2, 1, state_primary=1, state_secondary=1),
        "5+0, scratch in a later chunk": _sized(
            5, 0, requests=1, blocks_max=4, window_tokens=1, scratch_share=1, rewind=1
        ),
        "2+0, one row": _sized(2, 0, max_tokens=3),
        "2+0, two rows": _sized(2, 0, rows=2),
        "2+0, a token a pass": _small(2, 0, max_tokens=1),
        "2+1, two rows": _sized(2, 1, rows=2, max_tokens=1),
        "2+0, balance": _small(2, 0, delay=BALANCE),
        "2+0, waiting": _small(2, 0, delay=WAIT, wait_tokens=3, attended_max=1),
    },
    "variants": {
        "V2-02": _sized(4, 0, requests=1, blocks_max=3, window_tokens=1, scratch_share=1, rewind=1),
        "V2-04": _sized(1, 0, requests=1),
        "V2-06": _sized(1, 0, requests=1, state_primary=1),
        "V2-08": _sized(2, 0, requests=1, blocks_max=3, overlap=1),
        "V2-09": _sized(1, 0, requests=1),
        "V2-15": _sized(2, 0, requests=1),
        "V2-21": _sized(1, 0, requests=1),
        "V2-22": _sized(2, 0, requests=1, draft_model=1, chunks=2),
        "V2-23": _sized(3, 0, requests=1, blocks_max=3, draft_tokens=1),
        "V2-24": _one(2, 0, max_tokens=1),
        "V2-26": _sized(1, 0, requests=1),
        "X-21": _sized(4, 0, requests=1, draft_model=1, chunks=2),
        "X-23": _sized(2, 0, requests=1, blocks_max=3),
        "X-24": _one(3, 0, draft_model=1, chunks=2),
        "X-29": _sized(2, 0, requests=1),
    },
    "fuzz": {
        "small": _fuzzed(4, 2, blocks_max=3, rows=2, max_tokens=6),
        "roomy": _fuzzed(8, 4, requests=4, rows=3, blocks_max=4, draft_tokens=1, overlap=1),
        "no host": _fuzzed(6, 0, blocks_max=4, rows=3),
        "balance": _fuzzed(6, 3, blocks_max=4, requests=4, rows=3, overlap=1, delay=BALANCE, delay_passes=2),
        "waiting": _fuzzed(6, 3, blocks_max=4, requests=4, rows=3, delay=WAIT, attended_max=5),
        "draft model": _fuzzed(10, 4, blocks_max=3, rows=2, draft_model=1, draft_tokens=1, overlap=1, chunks=4),
        "windows": _fuzzed(
            8,
            4,
            blocks_max=5,
            rows=3,
            max_tokens=10,
            window_tokens=2,
            sink_blocks=1,
            scratch_share=2,
            rewind=2,
            overlap=1,
        ),
        "states": _fuzzed(6, 3, blocks_max=4, rows=3, state_primary=2, state_secondary=2, delay=WAIT),
        "everything": _fuzzed(
            8,
            4,
            blocks_max=4,
            requests=4,
            rows=3,
            window_tokens=2,
            window_primary=6,
            window_secondary=3,
            scratch_share=2,
            rewind=2,
            state_primary=3,
            state_secondary=2,
            overlap=1,
            draft_model=1,
            chunks=4,
            delay=BALANCE,
        ),
    },
}
"""Parameter sets by purpose and name; "variants" has the smallest at which each bug shows."""

PURPOSES: Mapping[str, str] = {
    "2+1": "Two requests and one row: pages are shared, reused, offloaded and brought up, chunk by chunk.",
    "2+0, two rows": (
        "No host: who is put aside is freed and begins again; a pass has room for one token; requests differ in priority."
    ),
    "3+1, balance": "Two requests in one pass, held back while other ranks generate or have no context.",
    "2+1, three requests, waiting": (
        "Three requests of a block: several may be put aside and the last to come is; context waits, attention is limited."
    ),
    "3+0, drafts in flight": "Two passes of one request in flight, each with a draft that may be wrong.",
    "4+0, draft model": "Two caches of one request that are given room together, and prompts of two blocks to reuse.",
    "3+1, two with a draft model": "Two such pairs compete for the device, and go to the host one cache at a time.",
    "4+0, scratch": "Chunks of several tokens, of which the window needs only the last.",
    "4+0, two in scratch": "Two requests of which one computes in scratch while the other is scheduled or released.",
    "3+1, two with a window": "What has left a window is kept for a commit, on the host, while its request is put aside.",
    "2+0, recurrent state": "A request whose state is there before its first block is.",
    "1+1, two with a recurrent state": "Two pool groups with a host each: whoever is put aside leaves both.",
}
"""What each size of the proofs is for."""

UNREACHED: Mapping[str, str] = {
    "share: for place in range(self.places()): no round": "Every cache has a place for a page: blocks_max is at least 1.",
    "a_release_takes_back_this_pass: all(*: no candidate": "Every cache has a place for a page: blocks_max is at least 1.",
    "keeps_nothing: *: no candidate": "Every request has a cache, and every cache a place for a page.",
    "pins_nothing: all(*: no candidate": "Every request has a cache.",
    "has_host_memory: *: no candidate": "Full attention always has slots in device memory.",
    "victim: for other in self.arrivals: no round": "The request that wants room has come, so it is among the arrivals.",
    "without: for other in self.arrivals: no round": "The request that leaves has come, so it is among the arrivals.",
    "state request_text: full": "The last token of a prompt is not in its text, so a text is shorter than a sequence.",
    "enter: text: full": "The last token of a prompt is not in its text, so a text is shorter than a sequence.",
    "target_text: text: full": "The last token of a prompt is not in its text, so a text is shorter than a sequence.",
    "draft_text: text: full": "The last token of a prompt is not in its text, so a text is shorter than a sequence.",
    "matched_by_both: text: full": "The last token of a prompt is not in its text, so a text is shorter than a sequence.",
    "has_capacity: * false": "Only the rule dropped-means-as-before asks it, and it is kept.",
    "pins_nothing: len(* false": "Only the rules victims-pin-nothing and dropped-means-released ask it, and they are kept.",
    "is_obtainable: *: all false": "It is asked by the promise victims-free-their-memory alone, which is kept.",
    "is_status: *: `self.params.draft_model == 0 or self.status[self.draft(request)] == status` false": (
        "The caches of a request do the same wherever it is asked (C-13, pairs_are_alike)."
    ),
    "is_status: *: all false": "The caches of a request do the same wherever it is asked (C-13, pairs_are_alike).",
    "locks_of: sum(*: several candidates": (
        "No request has a page twice: its blocks differ, and the chunks of its draft model are others."
    ),
    "nobody_idle_came_after: for other in self.arrivals: no round": (
        "The request that wants room has come, so it is among the arrivals."
    ),
    "nobody_idle_came_after: *: all true": "Only the promise who-came-last-makes-room asks it, and it is kept.",
    "is_within_attention: *: all false": "Only the promise attention-stays-within-its-limit asks it, and it is kept.",
    "releases_do_not_meet: request and other: equal": "The trial assumes two requests.",
}
"""Goals of depth that nothing can reach (`*` stands for any text), each with the reason."""
