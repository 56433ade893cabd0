"""What can go wrong for a user, each with a message that says what to do about it.

    Fault
    ├── SettingsError       a setting is unknown, malformed, or contradicts another
    ├── MissingServer       a server is to be embedded, and its program is nowhere
    ├── StateFolderFault    the state folder is not writable, or another `up` works in it
    ├── PortTaken           somebody else listens there
    └── ChildFailed         a child process ended before it was ready

`main()` prints such a fault as one line and exits; anything else is a defect of ours, and keeps
its traceback.
"""

from typing import ClassVar


class Fault(Exception):
    """A fault that its user can mend: one message, no traceback."""

    exit_code: ClassVar[int] = 1


class SettingsError(Fault):
    """One line for each wrong setting."""

    exit_code = 2  # as for a wrong option on the command line


class MissingServer(Fault):
    """Names the program, and the line that installs it."""


class StateFolderFault(Fault):
    """Names the folder."""


class PortTaken(Fault):
    """Names the address, and the option that chooses another."""


class ChildFailed(Fault):
    """Names the child, and the last that it said."""
