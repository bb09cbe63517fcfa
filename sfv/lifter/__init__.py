"""Trains the lifter of `reconstruct.lifting.lifter` on motion capture and on the pose network's own errors."""
