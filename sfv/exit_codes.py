"""How the processes of this program say that they ended otherwise than well; 0: done."""

EXIT_INPUT = 2
"""The input cannot be used, or the work could not be finished; one line on the standard error says why."""
EXIT_INTERRUPTED = 130
"""Stopped from outside; what was done is saved."""
