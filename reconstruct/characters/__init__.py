"""Bodies: reading, importing and scaling characters."""
