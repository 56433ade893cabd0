"""Who is at the command line, for the record."""

import getpass


def actor() -> str:
    """The operator's name on this machine; acts that come over HTTP name their key."""
    return f"cli:{getpass.getuser()}"
