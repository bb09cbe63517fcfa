"""Exceptions with a message for the user."""


class InputError(ValueError):
    """An input from the user cannot be used.

    The message is one line that says what is wrong, where, and what to do. The command line prints only that line and
    exits with code 2. Any other exception is a defect of the program and keeps its traceback.
    """


class WorkError(RuntimeError):
    """Long work could not be finished, through no fault of the input.

    The message is one line that says why and what was kept. The command line prints only that line.
    """
