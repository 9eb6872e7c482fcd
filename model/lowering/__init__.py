"""Methods as circuits: syntax trees of operations and invariants, walked over symbolic state; `system` is the result."""
