"""What can go wrong for a user, each with a message that says what to do about it.

    Fault
    ├── SettingsError       a setting is unknown, malformed, or contradicts another
    ├── MissingServer       a server is to be embedded, and its program is nowhere
    ├── StateFolderFault    the state folder is not writable, or another `up` works in it
    ├── CannotServe         nothing can listen at that address
    ├── ChildFailed         a child process ended before it was ready
    ├── WrongFile           a file that the user gave cannot be used
    ├── NoServers           nothing says where Redis and Postgres are
    ├── ServersAway         they do not answer
    └── NotDone             the servers refused what was asked

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


class CannotServe(Fault):
    """Names the address, and the option that chooses another."""


class ChildFailed(Fault):
    """Names the child, and the last that it said."""


class WrongFile(Fault):
    """One line for each mistake in the file."""

    exit_code = 2  # as for a wrong option on the command line


class NoServers(Fault):
    """Says which setting is missing."""


class ServersAway(Fault):
    """Says which of them, and what it was asked."""


class NotDone(Fault):
    """Says why."""
