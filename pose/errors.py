"""The one exception for mistakes that the user can mend."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one line that says what is wrong, where, and what to do. The command line prints just that line and
    ends with exit code 2; every other exception is a defect of ours and keeps its traceback.
    """
