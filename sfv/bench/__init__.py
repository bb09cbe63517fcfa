"""Commands that measure: `python -m sfv bench NAME` is the file of that name."""
