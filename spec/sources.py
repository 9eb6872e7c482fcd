"""Where the specification comes from: every number that it cites, in a sentence, with the issue or pull request behind it.

`kvproof generate` writes `SOURCES.md` from this table and adds, from the docstrings of the machines, what states each
number. Bugs are described where they are planted, in `kvproof.fuzz.bugs`: `BUGS.md` is made of those, and of `UNPLANTED`.
A number without an entry fails `tests/model/test_sources.py`, and so does an entry that nothing cites. Numbers have gaps:
what no machine here has, such as several attention windows, is not numbered here.

`#` is an issue or pull request of NVIDIA/TensorRT-LLM. "Upstream" is that project.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen


@frozen
class Series:
    """Numbers of one kind, which have one prefix."""

    prefix: str
    title: str
    page: str = field()
    """The page that has their entries."""
    stated: bool = False
    """Whether something in the specification states each of them, or there is a reason why nothing does."""


@frozen
class Source:
    """What is behind a number."""

    text: str
    origin: str = field()
    """Issues and pull requests, as #number, or where else it was found."""
    unstated: str = ""
    """Why no rule, invariant, promise, trial or theorem states it, where none does."""


SERIES = (
    Series(
        "I",
        "invariants of the block manager: who owns a block, what the tree says, how a batch is added",
        "SOURCES.md",
        True,
    ),
    Series("P", "the block manager's promise to a scheduler: estimates, charges, blocks", "SOURCES.md", True),
    Series(
        "S", "invariants of sequence caches: pages, queues, slots, and that nobody waits for ever", "SOURCES.md", True
    ),
    Series("C", "laws of an executor's pass: what is scheduled, dropped, released, accounted for", "SOURCES.md", True),
    Series("B", "behaviour of upstream that a machine follows", "SOURCES.md"),
    Series("D", "deliberate differences: what a machine does otherwise than upstream", "SOURCES.md"),
    Series("M", "bugs of the block manager, and of its copies", "BUGS.md"),
    Series("V2", "bugs of the second-generation manager (sequence caches), and of its executor", "BUGS.md"),
    Series("X", "mutants: bugs that nobody has reported, planted because a checker should see them", "BUGS.md"),
)
"""All series, each with a prefix of its own."""

_TREE = "upstream's radix tree"
_READ = "read in upstream's block manager"

_INVARIANTS = {
    "I-01": Source(
        "The counter of free blocks of a level is the number of blocks that are queued there.",
        f"{_READ}: counters are kept by hand",
        "there is no counter: the number of free blocks is the length of the queue",
    ),
    "I-02": Source("No level has more free blocks than slots.", "#11879"),
    "I-03": Source(
        "Upstream tests only that the free blocks of a level are no more than the slots of both levels together, "
        "which hides as many that are counted twice as the host has slots; what is reported as used includes the "
        "whole host.",
        "#11879, #11922",
    ),
    "I-04": Source("The number of blocks in use is never negative; -2 of 7,934 was reported.", "#11879"),
    "I-05": Source("The free blocks of a level and the others whose slot is there are as many as it has slots.", _READ),
    "I-06": Source(
        "Slots are a permutation of blocks: each has one, no two the same, and only a swap moves them.", _READ
    ),
    "I-07": Source("A block stands in at most one queue, at one place.", "#12667, #14937"),
    "I-08": Source(
        "A queued block waits in the queue of the level of its slot and of its own priority: neither changes while it "
        "waits.",
        "#12834, #12297",
    ),
    "I-09": Source(
        "What is referred to is not queued.", "upstream's check of its queues, which looks for nothing else"
    ),
    "I-10": Source(
        "What is not queued is referred to. That is false inside operations, where blocks are claimed before anybody "
        "refers to them, and upstream after an exception, too (M-37).",
        _READ,
    ),
    "I-11": Source("The references of a block are its places in sequences, and its pins.", "#12667, #14937"),
    "I-14": Source("Only a queued block expires: one with a time limit and a priority other than the default.", _READ),
    "I-16": Source("A node of the tree has one block, and a block is at one node.", _TREE),
    "I-17": Source(
        "What a block's slot holds are the data of its token path, as far as its key goes: that is what reuse rests "
        "on.",
        _TREE,
    ),
    "I-18": Source(
        "“Only leaves are queued.” False: a release queues whatever nobody refers to, and only the order of releases "
        "makes leaves come first.",
        "#699, #2708, #3735; still in upstream's comments",
        "false; a victim may have blocks below it, and eviction takes them out of the tree as well",
    ),
    "I-19": Source(
        "“A block on the device has no children on the host.” False, and so is the reverse.",
        "#4596 and the tests of upstream",
        "false; parent and child may be on any two levels",
    ),
    "I-20": Source(
        "“What is above a block in use is in use.” False: of two sequences that computed the same prefix one stores "
        "its child below the other's block, and that other one ends.",
        "#699, #2708, #3735",
        "false; eviction takes a block in use out of the tree and leaves its data to its users",
    ),
    "I-21": Source(
        "The parent of a block in the tree is in the tree. Not upstream since it evicts blocks one at a time: what is "
        "below stays, under a node without a block.",
        _TREE,
    ),
    "I-22": Source(
        "What is in the tree can be found by a lookup.",
        _TREE,
        "it follows from I-21: every node on the way to a block has its block",
    ),
    "I-23": Source(
        "Evicting a block makes what is below it free for use before everything else. Upstream leaves it in its "
        "queues, out of reach and perhaps at a high priority.",
        _TREE,
    ),
    "I-24": Source(
        "What is offloaded can be found again. Upstream never clears keys, and takes any block with a key for worth "
        "offloading, dead ones included.",
        "#11685",
    ),
    "I-25": Source("Only full blocks have children; a block that is partly filled is a leaf.", _TREE),
    "I-28": Source(
        "Nobody writes to a block that is in the tree or that two sequences have. (With several attention windows "
        "upstream does; here there is one.)",
        _READ,
    ),
    "I-29": Source("Claim before swap: two blocks exchange their slots when neither of them is queued.", "#12834"),
    "I-30": Source(
        "The first phase of a batch claims blocks, and changes no tree, no reference and no slot.", "#12892, #13029"
    ),
    "I-31": Source(
        "After the first phase no block that a request of the batch has matched is queued, so no eviction takes it.",
        "#12892, #13029",
    ),
    "I-32": Source(
        "What is above a matched block is claimed or in use, so no eviction takes the matched one along.", "#13029"
    ),
    "I-33": Source(
        "Of the requests that match a part of one block at most one takes it over in place, after all others have "
        "copied.",
        "#13029: the last one wins",
    ),
    "I-34": Source(
        "A source of copies that nobody refers to is released once, by its last copier; not if a request reuses all "
        "of it.",
        "#13029",
    ),
    "I-35": Source("Who was admitted does not run out of blocks in the second phase.", "#13029, which has M-38"),
    "I-36": Source(
        "Fewer tokens are reused than the prompt has: the forward pass over the last one yields the first output.",
        "#12404, #12665",
    ),
    "I-37": Source("A chunk that is not a prompt's last ends with a block, reuse included.", "#12682"),
    "I-38": Source("No less is reused than was estimated.", "#12892, #13029: what they are for"),
}

_PROMISES = {
    "P-1": Source(
        "In a batch that is added on the tree on which it was estimated every request reuses at least its estimate, "
        "whatever the order.",
        "#12892, #13029",
    ),
    "P-2": Source(
        "How much a request reuses does not depend on the others in its batch; whether it copies or takes over may.",
        "#13029",
        "so it is made: `plan` looks at one request after the other, and only `with_modes` at all of them",
    ),
    "P-4": Source(
        "Who reuses at least what was estimated computes no more tokens than were charged.", "#12682, #13318"
    ),
    "P-5": Source("Every chunk computes something; a chunk shorter than a block might not.", "#12682"),
    "P-6": Source(
        "Stale estimates are made up for by trimming: chunks get shorter, end with blocks and keep some progress, or "
        "the batch is refused whole.",
        "#15187",
    ),
    "P-7": Source(
        "A batch that needs no more blocks than are free is not refused for want of blocks. False upstream, where "
        "sources of copies are not counted (M-38).",
        "#13029",
    ),
}

_CODE = "read in upstream's Python manager at 00f6bd61"

_CACHES = {
    "S-1": Source("committed <= history <= capacity, and there are as many blocks as the capacity takes.", _CODE),
    "S-2": Source(
        "What a cache has at each place follows from its status: locked while it is active, held while it rests, "
        "nothing for what is stale or in scratch (B-9).",
        f"{_CODE}; #14478",
    ),
    "S-3": Source("A locked page is in device memory, and stays in its slot.", _CODE),
    "S-4": Source(
        "A page is queued, once and on its level, exactly when it may be evicted from there (B-11).",
        f"{_CODE}, which breaks it (V2-01)",
    ),
    "S-5": Source("Each slot is vacant, or has one owner: a page, or the scratch of one cache.", _CODE),
    "S-6": Source("A suspended or closed cache has no lock and no scratch slot.", f"{_CODE}, which breaks it (V2-05)"),
    "S-7": Source(
        "The row that kernels read has the slots of locked pages and -1 elsewhere, and no two caches write one row.",
        "#14423",
        "below the specification: lockstep compares the rows after each operation",
    ),
    "S-8": Source("What somebody holds or has locked is not destroyed.", _CODE),
    "S-9": Source(
        "An operation that is refused has changed nothing, for any cache.",
        f"{_CODE}, which breaks it (V2-01, V2-07)",
        "every operation asks first; a rule that breaks half way is a counterexample, and lockstep compares the states",
    ),
    "S-10": Source(
        "What fits is accepted, and what does not is refused, counted over all levels.",
        f"{_CODE}, which breaks it (V2-01, V2-12)",
    ),
    "S-11": Source(
        "A page that others may reuse is found by its text, and what comes before it is found as well.",
        "#17323, #17926, #18095",
    ),
    "S-12": Source(
        "Who reads a committed position gets the bytes that were written last for that text.",
        "#12306, #13488, #13597",
        "bytes are below this machine: targets read them back, and the machine `transfers` proves the order of copies",
    ),
    "S-13": Source(
        "The next owner of a slot uses it after the last use of the owner before, copies included.",
        _CODE,
        "copies take no time here: targets check what happens before what; `transfers` proves it for the block manager",
    ),
    "S-14": Source(
        "The utilisation is the share of slots that are neither vacant nor a victim's: 0 when every cache rests and "
        "there is a level below. It is the cheapest way to see V2-01.",
        _CODE,
    ),
    "S-15": Source(
        "Nobody waits for ever: (a) if no cache is active and one that waits fits the device alone, at least one can "
        "be resumed; (b) any such one can, if a slot is spare and pages may move one by one.",
        "#18015 has the symptom; V2-01 breaks (a), V2-03 breaks (b)",
    ),
    "S-16": Source("When all caches are closed, and nothing is kept for reuse, every slot is vacant.", _CODE),
}

_LAWS = {
    "C-1": Source(
        "Who is not forwarded has the capacity of before the pass, or no cache.", "#13805, reverted by #14849; #13104"
    ),
    "C-2": Source("A prompt that was scheduled and is not forwarded has nothing locked and no scratch slot.", "#13805"),
    "C-3": Source(
        "The capacity of before is noted where a pass has made a prompt's cache grow, and for no longer than that "
        "pass.",
        "#13805 (review)",
    ),
    "C-4": Source(
        "A release is exact: lengths and pages are those of before the growth, and others can have as many slots.",
        "#13805",
    ),
    "C-5": Source(
        "A release cannot fail: it is as before, or the request is freed and begins again.", "#14849, #14934"
    ),
    "C-6": Source("To release twice is to release once, and the order of releases makes no difference.", "#13805"),
    "C-7": Source(
        "Capacity does not drift: after any number of skipped passes a request has what it would have without them.",
        "#13104",
    ),
    "C-8": Source(
        "A generating request has room for one token and its draft for each pass in flight, and no more than that "
        "when all are accounted for.",
        "#18661, #19120",
    ),
    "C-9": Source(
        "The record of a generation's growth is there exactly between the growth and what comes of it.", "#13104"
    ),
    "C-10": Source("A row belongs to one request, which has caches; a suspended one writes to none.", "#14423"),
    "C-11": Source(
        "Admission is decided while scheduling: what is forwarded was resumed and has got its room in this pass.",
        "#13805 (discussion)",
    ),
    "C-12": Source("A victim is not in flight, and not scheduled already.", "upstream's scheduler; #13805"),
    "C-13": Source(
        "The caches of target and draft model do the same, also when one of them is refused.", "#18660, #19006, #18093"
    ),
    "C-14": Source("Whatever drops a request from a pass is followed by the same release.", "#13805 (review), #13104"),
    "C-15": Source("A place in the batch is of the last batch, and of a request that still has its memory.", "#13592"),
}

_SECOND = "upstream's second-generation manager"

_BEHAVIOUR = {
    "B-1": Source(
        "Eviction policy: for each level and each retention priority (0 to 100, 35 by default) a queue of free "
        "blocks; the next victim is the front of the lowest that is not empty. Releases go to the back; a rewind, and "
        "what is worth nothing, to the front. After its time limit a block goes on at the default priority.",
        "#12297, #12834, #14937, #8830, #11685",
    ),
    "B-2": Source(
        "Taking a block: if the victim is cached and its priority is 30 or more, and the host has a free block, its "
        "data are copied there and both exchange their slots: the host block, now on the device, is taken. Onboarding "
        "takes a block and exchanges the same way; what it displaces is queued on the host.",
        "`getFreeBlock` and `onboardBlock`; #12834",
    ),
    "B-3": Source(
        "Storing walks down the tree along the computed tokens; a node that has a block keeps it, and the duplicate "
        "stays private. A sequence that ends stores its last, partly filled block as well, and lets its blocks go "
        "from the last to the first, so that the deepest is the first victim.",
        "#12673, #12667, #11685",
    ),
    "B-4": Source(
        "Adding a batch: the first phase walks the tree for each request and claims what it matches, in whole or in "
        "part; the second onboards, copies and allocates in the same order. The last copier of a source releases it.",
        "#12892, #12878, #13029",
    ),
    "B-5": Source(
        "A scheduler's iteration: estimate what each prompt reuses, charge its first chunk against the token budget "
        "(all of the chunk, unless it ends the prompt after what is reused), count its blocks, then add the batch.",
        "#11731, #12682, #13029, #15187",
    ),
    "B-6": Source(
        "Where estimates go stale: whatever allocates between the estimate and the claims (other managers, "
        "generation, a draft). Between claims and references nothing does, since #13029.",
        "#13318, #13351, #13601",
    ),
    "B-7": Source(
        "Copies run on a stream for each direction. A copy waits for the pending write of its source, and for the "
        "pending reads and the pending write of its target, by physical slot; an iteration's copies wait for all "
        "passes before it, and later passes for the copies.",
        "#9056, #15272, #7510",
    ),
    "B-8": Source(
        "Slots are exchanged as soon as the copy is enqueued, not when it is complete: the tables go by slot, so "
        "later users of either block are in order.",
        "#9056",
    ),
    "B-9": Source(
        "A cache has three lengths and, for each block of each life cycle, nothing, a held page or a locked one: "
        "locked while it is active, held while it rests; what is stale is kept only for a later commit. The recurrent "
        "state begins as a held snapshot and is copied at the first resume.",
        "_KVCache of upstream's Python manager at 00f6bd61",
    ),
    "B-10": Source(
        "With h tokens computed and a window of w, a block is stale when its last token is before h + 1 - w (one "
        "token is on its way) and it is no sink. What will be stale when a prefill ends is computed in scratch slots, "
        "without pages.",
        f"{_SECOND}; #14849",
    ),
    "B-11": Source(
        "A page that nobody holds is droppable, one that is held and used by none is held, one in use is locked. A "
        "droppable one that is committed may be evicted from every level, a held one where there is a level below.",
        _SECOND,
    ),
    "B-12": Source(
        "Life cycles (full attention, window, recurrent state) share or have pools of slots on each level. Evictable "
        "slots count as available; a resume passes the gate while the utilisation is at most 0.97.",
        f"{_SECOND}; #16484",
    ),
    "B-13": Source(
        "Cascade: a level that lacks slots pushes its victims to the next one, which may push its own; on the last "
        "level only what nobody holds gives way. It is refused when too many held pages would come down, and upstream "
        "does not put back what it has popped by then (V2-01).",
        f"{_SECOND}; #18015 may be that",
    ),
    "B-14": Source(
        "A move of a page leaves one event with both its slots: the slot that it came to is read after it, the slot "
        "that it left is written by its next owner after it. Giving up a lock leaves the user's event with the slot.",
        f"{_SECOND}; #13488, #13597",
    ),
    "B-15": Source(
        "A lookup takes the longest prefix for which every life cycle has what it needs: all blocks of full "
        "attention, the window and the sinks at its end, a snapshot of just that length. What it finds is held at "
        "once.",
        _SECOND,
    ),
    "B-16": Source(
        "A resume locks all that a cache needs or nothing; a resize takes all slots or none and writes the lengths "
        "last; a suspend turns locks into holds and takes nothing; a commit of a block that somebody has committed "
        "takes that one over; a snapshot is best effort.",
        "#10736, #12306; Python at 00f6bd61",
    ),
    "B-17": Source(
        "An iteration: generating requests get their room, then prompts; delays drop some; what is left is forwarded "
        "unless another rank has nothing; the update accounts for it, with overlap after the next pass has been "
        "scheduled.",
        "#10659, #13104, #13805",
    ),
    "B-18": Source(
        "What drops prompts after they were scheduled: balancing ranks, waiting for a fuller batch, a limit of "
        "attended tokens, a connector, an encoder's failure.",
        "#13104, #13805, #14849",
    ),
    "B-19": Source(
        "A prompt asks for room up to the end of its chunk, counted from its beginning, so that asking again adds "
        "nothing; a generating request for one token and its draft more than it has, so that it does.",
        "#13104, #13805",
    ),
    "B-20": Source(
        "The release of dropped prompts was merged (#13805), reverted three weeks later because it failed for caches "
        "with scratch slots (#14849), and repaired in a proposal that was closed (#14934). In the newest state that "
        "was read, dropped prompts keep their pages.",
        "#13805, #14849, #14934",
    ),
}

_DIFFERENCES = {
    "D-1": Source(
        "Eviction clears the key and takes everything below out of the tree. Upstream keeps keys, and in later "
        "versions leaves what is below where it is (I-21, I-23).",
        "#11685",
    ),
    "D-2": Source(
        "What no lookup can find is the first victim, whatever its priority was, and is never offloaded (I-24).",
        "#11685, #16011",
    ),
    "D-3": Source(
        "A batch is planned as a whole and refused before its first claim. Upstream throws half way and leaves it "
        "half added (M-37).",
        "#12865 (review)",
    ),
    "D-4": Source("Whether there is room is decided before any victim leaves its queue (V2-01).", _SECOND),
    "D-5": Source(
        "Pages move one at a time, so a full device and a full host exchange pages through one spare slot (V2-03). "
        "Upstream needs all slots at once.",
        "upstream's test_resize_quota, which says so",
    ),
    "D-6": Source(
        "Where there is no room below for a held page, one goes that may be dropped, though it was used later.", _SECOND
    ),
    "D-7": Source(
        "What is refused changes nothing, the order of victims included. Upstream puts the pages of who asked at the "
        "end.",
        _SECOND,
    ),
    "D-8": Source(
        "What a resize gives up counts for what it takes, so a window slides on in a pool that is full. Upstream "
        "holds the old pages while it allocates.",
        _SECOND,
    ),
    "D-9": Source("A prefetch takes vacant slots only. Upstream evicts, and fetches all or nothing.", _SECOND),
    "D-10": Source(
        "A cache with scratch slots may shrink. Upstream asserts that there are none (V2-02).", "#14849, #14934"
    ),
    "D-11": Source(
        "Of a suspended cache the last block is the first victim, so that the beginning, which others may reuse, "
        "stays. Upstream begins with the first.",
        _SECOND,
    ),
    "D-12": Source(
        "There is one release for whatever a pass drops; upstream has several loops, for some of it.", "#13104, #13805"
    ),
    "D-13": Source(
        "A first chunk that is not forwarded is freed, holds included. So is upstream's since #19202; before, it was "
        "suspended and kept its holds (V2-21).",
        "#19202",
    ),
    "D-14": Source(
        "A snapshot of the recurrent state is taken when the computed tokens end with the block that is committed; "
        "upstream goes by the committed tokens.",
        "#15653",
    ),
}

SOURCES: Mapping[str, Source] = _INVARIANTS | _PROMISES | _CACHES | _LAWS | _BEHAVIOUR | _DIFFERENCES
"""Every number of the series that SOURCES.md has, in the order in which it has them."""

UNPLANTED: Mapping[str, Source] = {
    "M-73": Source(
        "A stored event names the wrong parent, so that who follows the events builds another tree.",
        "#3543",
        "the specification has no log of events: `tests/impl/block_manager/test_events.py` plants it and sees it in the "
        "chain of hashes",
    ),
}
"""Bugs that are cited and have neither a variant nor a place in `kvproof.fuzz.bugs`, with the reason."""
