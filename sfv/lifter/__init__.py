"""Trains the lifter of `reconstruct.lifter` on motion capture and on the pose network's own errors."""
