"""The exceptions whose message is meant for the user."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one line that says what is wrong, where, and what to do. The command line prints just that line and
    ends with exit code 2; every other exception is a defect of ours and keeps its traceback.
    """


class WorkError(RuntimeError):
    """Long work ended against its will, for no fault of the input.

    The message is one line that says why and what was kept. The command line prints just that line.
    """
