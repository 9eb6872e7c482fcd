"""Seeded bugs: historic bugs of TensorRT-LLM's KV cache managers, and mutants, planted in kvproof's own implementation.

One module a bug, named for its id in the bug catalogue, with a `BUG`. `eviction_lists` is shared by the ones that need
the free queues as they were then, `cache_sizes` by those of the sequence caches.
"""
