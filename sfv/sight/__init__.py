"""Bodies that learn to see: `python -m sfv see`, for the Go1 or for a person who walks."""
