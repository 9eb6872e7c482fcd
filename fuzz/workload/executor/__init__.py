"""Sequence caches under a service, with an executor over them: its jobs, the service, and what its steps add up to."""
