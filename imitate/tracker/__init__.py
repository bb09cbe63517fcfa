"""One policy that follows any motion: its clips, what it sees, how it learns."""
