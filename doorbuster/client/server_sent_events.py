"""Reads server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

import re
from dataclasses import dataclass
from typing import Final

# A whole sale is an event; nothing of ours is near this, and a foreign server may send no end.
MAX_EVENT_BYTES: Final = 1024 * 1024

_LINE_END: Final = re.compile(rb"\r\n|\n|\r(?!\Z)")


class EventTooLarge(Exception):
    """The stream is no stream of events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event; `id` is the last that the stream has named."""

    id: str
    name: str
    data: str


class EventReader:
    """Turns bytes into events, wherever they are cut. `retry_ms` is what the stream asked for."""

    def __init__(self) -> None:
        self.retry_ms: int | None = None
        self._rest = b""
        self._id = ""
        self._name = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that end in this chunk. Raises EventTooLarge."""
        *lines, self._rest = _LINE_END.split(self._rest + chunk)
        if len(self._rest) > MAX_EVENT_BYTES:
            raise EventTooLarge
        read = [self._line(line.decode("utf-8", "replace")) for line in lines]
        return [event for event in read if event is not None]

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        self._field(name, value.removeprefix(" "))
        return None

    def _field(self, name: str, value: str) -> None:
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._name = value
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isdecimal() and value.isascii():
                self.retry_ms = int(value)

    def _dispatch(self) -> Event | None:
        name, data = self._name or "message", self._data
        self._name, self._data = "", []
        return Event(id=self._id, name=name, data="\n".join(data)) if data else None
