"""Redis replies, narrowed from what the wire can carry to what a script promised."""

from collections.abc import Sequence
from typing import TypeAlias

Reply: TypeAlias = "bytes | int | Sequence[Reply] | None"


class UnexpectedReply(Exception):
    """A script answered in another shape than its header says: a defect."""


def integer(reply: Reply) -> int:
    """The reply as an integer, also where it travelled as text."""
    if isinstance(reply, int | bytes):
        return int(reply)
    raise UnexpectedReply(repr(reply))


def text(reply: Reply) -> str:
    """The reply as text."""
    if isinstance(reply, bytes):
        return reply.decode()
    raise UnexpectedReply(repr(reply))


def array(reply: Reply) -> Sequence[Reply]:
    """The reply as an array."""
    if isinstance(reply, list):
        return reply
    raise UnexpectedReply(repr(reply))


def mapping(reply: Reply) -> dict[str, str]:
    """The reply `{field, value, ...}` as a dictionary."""
    flat = [text(each) for each in array(reply)]
    return dict(zip(flat[::2], flat[1::2], strict=True))
