"""Values over a circuit: integers, options, sequences, records and containers at fixed sizes, and the circuit itself."""
