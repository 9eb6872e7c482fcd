"""What each conjunct of a machine is for: a state and a call that it alone refuses."""
