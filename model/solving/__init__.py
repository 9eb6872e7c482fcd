"""Questions about a circuit, put to satisfiability solvers in processes of their own; proofs of the answers, checked."""
