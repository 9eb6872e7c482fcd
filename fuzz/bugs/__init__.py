"""Seeded bugs: historic bugs of TensorRT-LLM's KV cache managers, and mutants, planted in kvproof's own implementation.

A folder a machine, a file a bug, named for its number in `spec/BUGS.md` and for what is wrong, with a `BUG`. Beside them
stand what some of them share: `eviction_lists`, the free queues as they were then, and `sizes`, at which rare ones come
early.
"""
