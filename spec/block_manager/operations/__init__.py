"""What an engine asks of the block manager.

Read the files in this order: `batch` (how sequences are added), `live_sequences` (how they go on and end), `cached_blocks`
(what is done with the cache itself).

Every operation tests first and rejects before its first step, so it completes or changes nothing.
"""
