"""The sizes at which the block manager is checked by default, each chosen for what it can show.

With one token a block, everything that needs only whole blocks shows up with the least state; two tokens a block bring the
partly filled last block (an invariant was missing until induction was run there); one device block brings prompts that can
never fit. Two priorities suffice: worth offloading, and not. Every further feature is switched on at sizes of its own, and
together with those that it meets.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from kvproof.spec.block_manager.kinds import BlockManagerParameters

_SMALL = BlockManagerParameters(
    primary_blocks=2,
    secondary_blocks=2,
    tokens_per_block=1,
    sequences=2,
    max_tokens=2,
    vocabulary=2,
    priorities=2,
    default_priority=1,
    offload_threshold=1,
    pins_max=1,
    batch_max=0,
)


def _sized(primary: int, secondary: int, **others: int) -> BlockManagerParameters:
    return attrs.evolve(_SMALL, primary_blocks=primary, secondary_blocks=secondary, **others)


_ONE_PRIORITY = {"priorities": 1, "default_priority": 0, "offload_threshold": 0, "ranges_max": 0, "pins_max": 0}
"""Nobody asks for a priority, everything is worth offloading, nothing is pinned: for what needs none of that."""

_CHAINS = {"max_tokens": 3, "vocabulary": 1}
"""The least at which a prompt reuses two whole blocks (its last token is never reused): with chains of one, a first phase
that claims only the first match of a request is right (M-75)."""

_PAIRS = {"tokens_per_block": 2, "max_tokens": 3}
"""The least at which a block can be partly filled."""

SIZES: Mapping[str, Mapping[str, BlockManagerParameters]] = {
    "induction": {
        "1+2, two tokens a block": _sized(1, 2, tokens_per_block=2, max_tokens=3),
        "2+2": _sized(2, 2),
        "2+2, two tokens a block": _sized(2, 2, tokens_per_block=2, max_tokens=4),
        "3+3": _sized(3, 3),
        "2+1, parts of blocks": _sized(2, 1, **_PAIRS, partial_reuse=1),
        "2+2, batches": _sized(2, 2, **_ONE_PRIORITY, batch_max=2),
        "3+0, batches": _sized(3, 0, **_ONE_PRIORITY, batch_max=2),
        "3+0, batches, chains": _sized(3, 0, **_ONE_PRIORITY, **_CHAINS, batch_max=2),
        "2+1, batches, parts": _sized(2, 1, **_ONE_PRIORITY, **_PAIRS, partial_reuse=1, batch_max=2),
        "3+0, batches, parts": _sized(3, 0, **_ONE_PRIORITY, **_PAIRS, vocabulary=1, partial_reuse=1, batch_max=2),
        "2+1, batches, budgets": _sized(2, 1, **_ONE_PRIORITY, batch_max=2, budget_max=2),
        "2+0, batches, budgets, parts": _sized(
            2, 0, **_ONE_PRIORITY, tokens_per_block=2, max_tokens=4, partial_reuse=1, batch_max=2, budget_max=3
        ),
        "2+1, ranges, durations": _sized(2, 1, pins_max=0, batch_max=1, duration_max=1),
        "2+1, parts of free leaves only": _sized(
            2, 1, **_ONE_PRIORITY, **_PAIRS, partial_reuse=1, copy_on_partial_reuse=0
        ),
        "2+1, no reuse": _sized(2, 1, **_ONE_PRIORITY, reuse=0, batch_max=2),
        "3+2, chains": _sized(3, 2, **_ONE_PRIORITY, **_CHAINS, sequences=1),
        "3+0, chains, parts": _sized(
            3, 0, **_ONE_PRIORITY, tokens_per_block=2, max_tokens=6, vocabulary=1, sequences=1, partial_reuse=1
        ),
        "2+0, three tokens a block": _sized(
            2, 0, **_ONE_PRIORITY, tokens_per_block=3, max_tokens=4, sequences=1, partial_reuse=1
        ),
        "2+1, three requests": _sized(2, 1, **_ONE_PRIORITY, vocabulary=1, sequences=3, batch_max=3),
        "2+0, two ranges": _sized(2, 0, **_ONE_PRIORITY | {"ranges_max": 2}, vocabulary=1, sequences=1, batch_max=1),
    },
    "bounded": {"2+1": _sized(2, 1)},
    "explore": {
        "2+1": _sized(2, 1),
        "2+1, two tokens a block": _sized(2, 1, tokens_per_block=2, max_tokens=3, vocabulary=1),
        "2+2": _sized(2, 2, **_ONE_PRIORITY),
        "3+0": _sized(3, 0, **_ONE_PRIORITY),
        "2+1, parts of blocks": _sized(2, 1, **_ONE_PRIORITY, **_PAIRS, partial_reuse=1),
        "2+1, batches": _sized(2, 1, **_ONE_PRIORITY, batch_max=2),
        "3+0, batches, chains": _sized(3, 0, **_ONE_PRIORITY, **_CHAINS, batch_max=2),
        "3+0, batches, parts": _sized(3, 0, **_ONE_PRIORITY, **_PAIRS, vocabulary=1, partial_reuse=1, batch_max=2),
        "2+0, budgets": _sized(2, 0, **_ONE_PRIORITY, batch_max=1, budget_max=2),
        "2+0, budgets, two tokens a block": _sized(
            2,
            0,
            **_ONE_PRIORITY,
            tokens_per_block=2,
            max_tokens=4,
            vocabulary=1,
            sequences=1,
            batch_max=1,
            budget_max=4,
        ),
        "1+1, ranges, durations": _sized(1, 1, max_tokens=1, sequences=1, batch_max=1, duration_max=1, pins_max=0),
        "2+1, no reuse": _sized(2, 1, **_ONE_PRIORITY, reuse=0, batch_max=2),
        "1+1, prompts that never fit": _sized(1, 1, **_ONE_PRIORITY, vocabulary=1, batch_max=1),
    },
    "variants": {
        "M-01": _sized(2, 1),
        "M-02": _sized(2, 1),
        "M-03": _sized(2, 1),
        "M-04": _sized(2, 1),
        "M-07": _sized(2, 1),
        "M-11": _sized(2, 1),
        "M-17": _sized(2, 1),
        "M-18": _sized(2, 0),
        "M-19": _sized(2, 1),
        "M-22": _sized(2, 0, **_ONE_PRIORITY, **_PAIRS, partial_reuse=1),
        "M-29": _sized(3, 0, **_ONE_PRIORITY, batch_max=2),
        "M-30": _sized(3, 2, **_ONE_PRIORITY, max_tokens=3, sequences=1),
        "M-31": _sized(2, 0, **_ONE_PRIORITY, **_PAIRS, partial_reuse=1),
        "M-32": _sized(2, 0, **_ONE_PRIORITY, **_PAIRS, partial_reuse=1),
        "M-34": _sized(3, 0, **_ONE_PRIORITY, **_PAIRS, vocabulary=1, partial_reuse=1, batch_max=2),
        "M-37": _sized(1, 0, **_ONE_PRIORITY, batch_max=2),
        "M-38": _sized(2, 1, **_ONE_PRIORITY, **_PAIRS, vocabulary=1, partial_reuse=1),
        "M-44": _sized(2, 1),
        "M-48": _sized(2, 0, **_ONE_PRIORITY),
        "M-51": _sized(3, 0, **_ONE_PRIORITY, max_tokens=3, sequences=1, batch_max=1, budget_max=2),
        "M-53": _sized(2, 0, **_ONE_PRIORITY, batch_max=1, budget_max=2),
        "M-54": _sized(2, 0, **_ONE_PRIORITY, **_PAIRS),
        "M-55": _sized(2, 0, **_ONE_PRIORITY, batch_max=1, budget_max=2),
        "M-75": _sized(3, 0, **_ONE_PRIORITY, **_CHAINS, sequences=1),
    },
    "fuzz": {
        "tiny": _sized(2, 1, tokens_per_block=2, max_tokens=5, partial_reuse=1, batch_max=2, duration_max=2),
        "tight": _sized(
            3,
            2,
            tokens_per_block=2,
            max_tokens=7,
            sequences=3,
            priorities=101,
            default_priority=35,
            offload_threshold=30,
            pins_max=2,
            batch_max=2,
            duration_max=3,
            budget_max=6,
            partial_reuse=1,
            copy_on_partial_reuse=0,
        ),
        "chunked": _sized(
            4, 2, tokens_per_block=2, max_tokens=8, sequences=3, batch_max=3, budget_max=8, partial_reuse=1
        ),
        "roomy": BlockManagerParameters(
            primary_blocks=6,
            secondary_blocks=5,
            sequences=4,
            max_tokens=10,
            vocabulary=4,
            batch_max=3,
            ranges_max=2,
            duration_max=5,
            budget_max=12,
            partial_reuse=1,
            extra_ids=2,
        ),
        "without reuse": _sized(3, 1, tokens_per_block=2, max_tokens=6, batch_max=2, reuse=0),
    },
}
"""Parameter sets by purpose and name; "variants" has the smallest at which each bug shows."""

PURPOSES: Mapping[str, str] = {
    "1+2, two tokens a block": "prompts that can never fit the device, and more host than device blocks",
    "2+2": "the core: claims, swaps, offloading, eviction, priorities and pins with whole blocks",
    "2+2, two tokens a block": "last blocks that are partly filled, beside blocks of two levels",
    "3+3": "one more block on each level than the core needs: an offload finds several candidates",
    "2+1, parts of blocks": "partial matches, in place and by copy",
    "2+2, batches": "two requests at once over both levels",
    "3+0, batches": "two requests at once that fill a device of three blocks without help from a host",
    "3+0, batches, chains": "prompts that reuse two whole blocks, in batches: with one, a first phase may forget the rest",
    "2+1, batches, parts": "two requests that want the same block, one in full and one in part",
    "3+0, batches, parts": "two requests that copy from one source, with a third block to spare",
    "2+1, batches, budgets": "token budgets, stale estimates and chunks",
    "2+0, batches, budgets, parts": "chunks that begin in the middle of a block",
    "2+1, ranges, durations": "wishes for priorities and for how long",
    "2+1, parts of free leaves only": "partial reuse that never copies what others use",
    "2+1, no reuse": "nothing is ever cached",
    "3+2, chains": "a prompt that brings several blocks back from the host at once",
    "3+0, chains, parts": "a part of a block below whole ones",
    "2+0, three tokens a block": "parts of blocks of more than one token",
    "2+1, three requests": "the third of a batch meets what both before it have claimed or brought",
    "2+0, two ranges": "the first of several wishes that cover a block counts",
}
"""What each of the sizes for induction is for."""

_A_BATCH_HAS_A_REQUEST = "an empty batch is refused before anything is planned, and a single add is a batch of one"
_NO_EMPTY_PROMPT = "an empty prompt, and an append of nothing, are refused first"
_TO_BE_COMPUTED = "the last token of a prompt is always computed: it is never matched, nor is the block that it ends"
_PROMISED = "a rule or promise asks it, and it always holds: a witness shows that it could be broken"

UNREACHED: Mapping[str, str] = {
    **{
        f"{method}: {what}": _A_BATCH_HAS_A_REQUEST
        for method, every in {
            "add_batch": ("all(*: no candidate", "sum(*: no candidate", "for *: no round"),
            "charged": ("requests: empty", "sum(*: no candidate"),
            "check_trim": ("requests: empty", "plans: empty", "all(*: no candidate", "any(*: no candidate"),
            "cost": ("plans: empty", "sum(*: no candidate"),
            "counted_on": ("plans: empty", "for plan in plans: no round"),
            "fits": ("requests: empty", "plans: empty", "for index *: no round"),
            "is_as_estimated": ("requests: empty", "plans: empty", "all(*: no candidate"),
            "is_in_place": ("plans: empty",),
            "is_last_copier": ("plans: empty",),
            "is_last_need": ("plans: empty", "all(*: no candidate"),
            "is_met_before": ("plans: empty",),
            "is_named_before": ("requests: empty",),
            "is_told_truly": ("requests: empty", "sum(*: no candidate"),
            "least_cost": ("requests: empty", "plans: empty", "sum(*: no candidate"),
            "place": ("requests: empty", "plans: empty", "for index *: no round", "any(*: no candidate"),
            "plan": ("requests: empty", "for request *: no round"),
            "tokens_computed": ("added: empty", "sum(*: no candidate"),
            "total": ("results: empty", "sum(*: no candidate"),
            "with_modes": ("plans: empty", "for index *: no round"),
            "within_budget": ("requests: empty", "plans: empty", "for index *: no round"),
        }.items()
        for what in every
    },
    "tokens_computed: added: holds one": "the results of a batch end with their sum, so there are at least two",
    "total: results: full": "the place of the sum is free while the sum is made",
    **{
        f"{method}: tokens: empty": _NO_EMPTY_PROMPT
        for method in ("begin", "estimated", "extend", "has_longer_part", "needed", "partial_match", "usable")
    },
    "extend: tokens: full": "a live sequence has a token already, and no more than the most that a sequence can have",
    **{f"{method}: chain: full": _TO_BE_COMPUTED for method in ("end_of", "partial_match", "tail")},
    "tail: tokens: full": _TO_BE_COMPUTED,
    "attach: key: empty": "only blocks with computed tokens are cached",
    "common: first: empty": "the key of a cached block has tokens",
    "state child: full": "no node has a child with the key of no tokens",
    "compute: for *: no round": "a prompt, chunk or append computes a token at least",
    "evict: for *: no round": "a subtree holds its own top",
    "finish: for *: no round": "a live sequence has a block",
    "pin_path: *: no round": "a path of no blocks is refused as not cached",
    "pin_path: any(*: no candidate": "a path of no blocks is refused as not cached",
    "unpin_path: for *: no round": "a path of no blocks is refused as not cached",
    "release_subtree: for *: no round": "a subtree holds its own top",
    "release_subtree: all(*: no candidate": "a subtree holds its own top",
    "first_cached: *: no round": "asked only of a queue in which the top of a subtree stands",
    "copy: source and target: equal": "the target has just been taken, and the source has data that are wanted",
    "offload_victim: victim and host: equal": "they are on different levels",
    "swap: first and second: equal": "they are on different levels",
    "held: *: condition true": "asked only where the data of a block are wanted, and then there are some",
    "start_of: *: condition true": "asked only where the data of a block are copied, and then there are some",
    "are_kept_as_wished: self.covers*: `self.priority*` false": _PROMISED,
    "are_kept_as_wished: self.covers*: `self.duration*` false": _PROMISED,
    "are_kept_as_wished: any((self.covers(wish, position) and *: no candidate": "asked only where a range covers the block",
    "has_longer_part: *: all true": _PROMISED,
    "is_last_of_its_rank: *: all true": _PROMISED,
    "is_last_of_its_rank: for *: no round": "asked of a block that has just been queued",
    "holds: *: `self.*` false": _PROMISED,
    "is_free_node: *: all true": _PROMISED,
    "is_sound: *: *` false": _PROMISED,
    "is_sound: *: all false": _PROMISED,
    "is_told_truly: *: `* false": _PROMISED,
    "returned: *: `plan.tail is not None` false": "who releases a source has one; the conjunct tells the types",
}
"""The goals of depth that nothing can reach, and why."""
