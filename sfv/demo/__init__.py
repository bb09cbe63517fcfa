"""Synthetic videos of known motions: `python -m sfv demo`."""
