"""Cache managers over real memory, as an inference engine would embed them.

`block_manager`: blocks of one pool on two levels, with a reuse tree. `sequence_caches`: pages of several life cycles.
`executor`: a scheduler over sequence caches. All three are over `device`, refuse with `refusals.Refused`, and tell an
`observer` of their steps.
"""
