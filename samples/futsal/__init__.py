"""A drawn futsal scene: who is where (play), what players look like (figures), the hall (stage)."""
