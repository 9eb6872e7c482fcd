"""The block manager under a service: its jobs and scheduler, and what its steps touch."""
