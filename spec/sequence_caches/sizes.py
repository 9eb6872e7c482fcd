"""The sizes at which the sequence caches are checked by default: up to four device and two host slots, as V2-01 needs."""

from __future__ import annotations

from collections.abc import Mapping

from kvproof.spec.sequence_caches.kinds import SequenceCachesParameters


def _sized(primary: int, secondary: int, **others: int) -> SequenceCachesParameters:
    least = {"caches": 2, "chunks": 1, "tokens_per_block": 1, "blocks_max": 2, "priorities": 1}
    return SequenceCachesParameters(primary_slots=primary, secondary_slots=secondary, **{**least, **others})


SIZES: Mapping[str, Mapping[str, SequenceCachesParameters]] = {
    "induction": {
        "1+1, one block": _sized(1, 1, blocks_max=1),
        "2+0": _sized(2, 0),
        "2+1": _sized(2, 1),
        "2+2, three caches, two tokens a block": _sized(2, 2, caches=3, tokens_per_block=2, priorities=2),
        "2+1, two texts": _sized(2, 1, chunks=2, priorities=2),
        "4+2": _sized(4, 2, blocks_max=3),
        "2+1+1": _sized(2, 1, tertiary_slots=1),
        "3+1, window": _sized(3, 1, window_tokens=2),
        "3+1, three blocks in a window": _sized(3, 1, caches=1, window_tokens=2, blocks_max=3),
        "2+1, window of its own": _sized(2, 1, window_tokens=2, window_primary=2, window_secondary=1),
        "3+1, sinks": _sized(3, 1, window_tokens=1, sink_blocks=1),
        "3+0, scratch": _sized(3, 0, caches=1, blocks_max=3, window_tokens=2, window_primary=2, scratch_share=2),
        "4+1, two caches in scratch": _sized(4, 1, blocks_max=1, window_tokens=1, scratch_share=1),
        "1+1+1, window of its own": _sized(
            1, 1, tertiary_slots=1, blocks_max=1, window_tokens=2, window_primary=1, window_secondary=1
        ),
        "1+1, recurrent state": _sized(1, 1, blocks_max=1, state_primary=2, state_secondary=1),
        "2+1, recurrent state of two blocks": _sized(2, 1, state_primary=2, state_secondary=1),
    },
    "bounded": {"2+1": _sized(2, 1)},
    "explore": {
        "1+1": _sized(1, 1, blocks_max=1),
        "2+0": _sized(2, 0),
        "2+1, one block": _sized(2, 1, blocks_max=1),
        "2+1, one cache, two tokens a block": _sized(2, 1, caches=1, tokens_per_block=2),
        "2+1, one cache, two texts": _sized(2, 1, caches=1, chunks=2),
        "3+1, one cache, window": _sized(3, 1, caches=1, window_tokens=2, blocks_max=3),
        "4+0, window, two caches": _sized(4, 0, window_tokens=2),
        "3+0, one cache, scratch": _sized(
            3, 0, caches=1, window_tokens=2, window_primary=2, scratch_share=2, blocks_max=3
        ),
        "2+1, one block, scratch": _sized(2, 1, blocks_max=1, window_tokens=1, scratch_share=1),
        "2+1, one block, gate at half": _sized(2, 1, blocks_max=1, gate_percent=50),
        "1+1, recurrent state": _sized(1, 1, blocks_max=1, caches=1, state_primary=2, state_secondary=1),
        "1+0, recurrent state, no room": _sized(1, 0, blocks_max=1, caches=1, state_primary=1),
        "1+1+1, one block, two texts": _sized(1, 1, tertiary_slots=1, blocks_max=1, chunks=2),
        "4+0, one cache, sinks": _sized(4, 0, caches=1, window_tokens=1, sink_blocks=1),
        "2+0, one cache, recurrent state of two blocks": _sized(2, 0, caches=1, state_primary=2),
        "1+1+1, one cache, window of its own": _sized(
            1, 1, tertiary_slots=1, caches=1, blocks_max=1, window_tokens=2, window_primary=1, window_secondary=1
        ),
    },
    "variants": {
        "V2-01": _sized(2, 1),
        "V2-01-wedge": _sized(2, 2),
        "V2-03": _sized(2, 2),
        "V2-05": _sized(2, 1, blocks_max=1, window_tokens=1, scratch_share=1),
        "V2-07": _sized(1, 1, blocks_max=1),
        "V2-10": _sized(3, 0, window_tokens=1, blocks_max=1),
        "V2-17": _sized(2, 0, tokens_per_block=2, blocks_max=1),
        "V2-18": _sized(2, 0, window_tokens=1, blocks_max=1),
        "V2-25": _sized(1, 1, blocks_max=1),
        "X-01": _sized(2, 1),
        "X-02": _sized(1, 1, blocks_max=1),
        "X-03": _sized(1, 1, blocks_max=1),
        "X-04": _sized(1, 0, state_primary=1, blocks_max=1),
        "X-05": _sized(1, 0, window_tokens=2, blocks_max=1),
        "X-06": _sized(3, 0, window_tokens=2, blocks_max=1),
        "X-07": _sized(1, 1, blocks_max=1),
    },
    "fuzz": {
        "small": _sized(3, 2, tokens_per_block=2, priorities=2),
        "roomy": SequenceCachesParameters(primary_slots=6, secondary_slots=4, caches=4, blocks_max=4, priorities=3),
        "windows": SequenceCachesParameters(
            primary_slots=8, secondary_slots=4, window_tokens=3, sink_blocks=1, scratch_share=2, blocks_max=5
        ),
        "groups": SequenceCachesParameters(
            primary_slots=6,
            secondary_slots=4,
            window_tokens=2,
            window_primary=4,
            window_secondary=2,
            state_primary=3,
            state_secondary=2,
            blocks_max=4,
        ),
    },
}
"""Parameter sets by purpose and name; "variants" has the smallest at which each bug shows."""

PURPOSES: Mapping[str, str] = {
    "1+1, one block": "Caches of a single place: nothing hangs from anything, and every page competes for one slot.",
    "2+0": "No level below: a held page cannot go, so it is in no queue, and room comes from what nobody has.",
    "2+1": "The smallest with host memory: pages go down, come up and are dropped at last.",
    "2+2, three caches, two tokens a block": (
        "Three caches share a page, blocks fill token by token, pages differ in priority, several come up at once."
    ),
    "2+1, two texts": "Texts that part after the first block: siblings in the tree, and victims of two priorities.",
    "4+2": "Chains of three blocks, and as many slots as the lost victims of V2-01 took: several pages move at once.",
    "2+1+1": "Three levels: held pages go on below the host, and come back past it.",
    "3+1, window": "A sliding window in the slots of full attention: blocks leave it, and are kept for a later commit.",
    "3+1, three blocks in a window": "What one cache lacks, of full attention and its window, can be more than all slots.",
    "2+1, window of its own": "Two pool groups: room in one is none in the other, and each has a queue order of its own.",
    "3+1, sinks": "Blocks that never leave the window though all after them do.",
    "3+0, scratch": "Several blocks of a long prompt in scratch slots, and a history that would end among them.",
    "4+1, two caches in scratch": "Two caches with scratch slots at once, beside a host to which pages go meanwhile.",
    "1+1+1, window of its own": "Three levels, of which one group has only two: what is last for it is not for the other.",
    "1+1, recurrent state": "A state and its snapshots, which others start from, with a host for both.",
    "2+1, recurrent state of two blocks": (
        "Snapshots after one block and after two: a match ends at the last that has one, and a state may be past the block."
    ),
}
"""What each size of the proofs is for."""

UNREACHED: Mapping[str, str] = {
    "*: for place in *range(self.places())*: no round": "Every cache has a place for a page: blocks_max is at least 1.",
    "shut: all(*: no candidate": "Every cache has a place for a page: blocks_max is at least 1.",
    "* for group in range(self.groups()))): no candidate": "There is always a pool group: that of full attention.",
    "unqueue: for level in range(self.levels()): no round": "There are two levels of memory or three.",
    "unqueue: for level in range(self.levels()): one round": "There are two levels of memory or three.",
    "is_queued: * for level in range(self.levels()))): no candidate": "There are two levels of memory or three.",
    "is_queued: * for level in range(self.levels()))): one candidate": "There are two levels of memory or three.",
    "moves_nothing: *: no candidate": "There are two levels of memory or three, so at least one below the device.",
    "*: path: empty": "What is linked or found is the text of a block at least: link-once refuses the empty one.",
    "state known: full": "The empty text is never known: link-once refuses it.",
    "has_window: text: empty": "is_match asks about the window only after so many blocks as the text has, one at least.",
    "has_window: all(*: no candidate": "is_match asks about the window after one block at least.",
    "front: for page in self.queue[level]: no round": "A victim is looked for only on a level that has one queued.",
    "is_last_victim: for other in self.queue*: no round": "It is asked of a page that has just been queued.",
    "is_last_victim: *: all true": "Only the promise released-waits-behind-its-peers asks it, and it is kept.",
    "first_droppable: for page in self.queue[level]: no round": "A droppable victim is looked for where one is queued.",
    "is_droppable: *: `self.exists(page)` false": "What is settled, queued or destroyed exists.",
    "is_held: *: `self.holds[page] > 0` false": "is_evictable asks it only of pages that exist and are not droppable.",
    "is_usable: *false": "Only the rule lock-on-device asks it, and it is kept.",
    "level_of: *: condition true": (
        "The rules before it say that the page exists: queue-only-evictable, destroy-only-droppable, migrate-elsewhere."
    ),
    "page_at: *: condition true": (
        "It is asked of places that are locked, where a rule has just found a page, or of blocks that are computed."
    ),
    "ordinal_of: *: condition true": (
        "Operations ask it of windowed places alone; the invariant committed_blocks_are_everybodys asks it of others."
    ),
}
"""Goals of depth that nothing can reach (`*` stands for any text), each with the reason."""
