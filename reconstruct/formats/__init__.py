"""Motion files: reading and writing."""
