"""Several bodies in one simulation, each with its own policy."""
