"""What is wrong with a file, in the words of a line each."""

from pydantic import ValidationError


def told(error: ValidationError) -> list[str]:
    """Where each mistake is, and what it is."""
    return [f"{_where(each['loc'])}{_plain(each['msg'])}" for each in error.errors()]


def _where(location: tuple[int | str, ...]) -> str:
    return "".join(f"{step}: " for step in location)


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")
