"""The one exception a user can cause."""


class InputError(ValueError):
    """Something the user gave cannot be used: one line that names what is wrong and how to mend it.

    The command line prints the line and exits with 2; library users catch a `ValueError`.
    """
