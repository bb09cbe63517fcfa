"""The seed of a robot's training."""

from pose.errors import InputError


def check_seed(seed: int) -> None:
    """Raises `InputError` unless it is one that NumPy and PyTorch take, courses' seeds made of it included."""
    if not 0 <= seed < 2**32:
        raise InputError(f"--seed {seed}: expected 0 to {2**32 - 1}")
