"""One file a command of `python -m sfv`, named as the command: thin wrappers that read options and print results."""
