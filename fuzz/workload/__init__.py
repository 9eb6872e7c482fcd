"""Request traces of a real service, replayed through specification and implementation in lockstep."""
