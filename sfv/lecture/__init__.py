"""The lecture's algorithms run and compared: `python -m sfv learn` and `python -m sfv lecture`."""
