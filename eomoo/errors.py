"""Every error that eomoo raises on purpose: one base, each also the built-in kind that fits."""


class EomooError(Exception):
    """Base of all errors raised by eomoo; its text is one sentence for the user.

    Examples:
        >>> try:
        ...     eomoo.get_problem("no-such-card")
        ... except eomoo.EomooError as error:
        ...     print(type(error).__name__)
        UnknownNameError
    """

    def __str__(self) -> str:
        # KeyError would show the repr of its argument, which is no sentence.
        return str(self.args[0]) if self.args else ""


class CellError(EomooError, ValueError):
    """A matrix and operations that are no cell of the NAS-Bench-101 space."""


class CardError(EomooError, ValueError):
    """A problem card (or study file) that cannot be read or says something impossible."""


class DataError(EomooError, ValueError):
    """A data file that is damaged, of another kind, or holds impossible values."""


class DataNotFoundError(EomooError, FileNotFoundError):
    """A data set that is not on this machine."""


class MissingPackageError(EomooError, ImportError):
    """An optional package that is needed here and not installed."""


class SettingError(EomooError, ValueError):
    """An argument or option with a value that cannot work."""


class StoreError(EomooError, RuntimeError):
    """A result store that cannot be opened, written or understood."""


class HoursOverError(EomooError, RuntimeError):
    """The hours of a run are over, so that what was not begun is not begun."""


class UnknownNameError(SettingError, KeyError):
    """A name that is not among those known; a ValueError as any other impossible setting, and a KeyError."""
