"""Policy-gradient learners, one algorithm a file, all with `update(batch) -> losses`."""
