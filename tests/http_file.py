"""Reads requests in the format of the REST Client of VS Code, as far as ours use it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx

VARIABLE = re.compile(r"^@(\w+) = (.*)$", re.MULTILINE)
REFERENCE = re.compile(r"\{\{(.+?)\}\}")
LATER = re.compile(r"\$datetime iso8601 (\d+) m")
IN_A_BODY = re.compile(r"(\w+)\.response\.body\.\$\.(.+)")
IN_A_HEAD = re.compile(r"(\w+)\.response\.headers\.(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A request as it stands in the file, with the status that is noted beside it."""

    title: str
    name: str | None
    status: int
    method: str
    url: str
    headers: Mapping[str, str]
    body: str

    def path(self) -> str:
        """Where it goes, with a word in place of each reference."""
        return REFERENCE.sub("x", self.url).removeprefix("x").partition("?")[0]


@dataclass(kw_only=True)
class Collection:
    """The requests, the variables of the file, and the answers so far of those that have a name."""

    requests: list[Written]
    variables: dict[str, str]
    answers: dict[str, httpx.Response] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Collection":
        head, *blocks = re.split(r"^### ", path.read_text(), flags=re.MULTILINE)
        return cls(
            requests=[_parse(block) for block in blocks], variables=dict(VARIABLE.findall(head))
        )

    def filled(self, text: str) -> str:
        """The text with its references replaced, by now."""
        return REFERENCE.sub(lambda found: self._value(found[1]), text)

    def _value(self, reference: str) -> str:
        if reference == "$guid":
            return str(uuid4())
        if later := LATER.fullmatch(reference):
            return (datetime.now(UTC) + timedelta(minutes=int(later[1]))).isoformat()
        if body := IN_A_BODY.fullmatch(reference):
            return str(self.answers[body[1]].json()[body[2]])
        if head := IN_A_HEAD.fullmatch(reference):
            return self.answers[head[1]].headers[head[2]]
        return self.filled(self.variables[reference])


def _parse(block: str) -> Written:
    head, _, body = block.strip().partition("\n\n")
    title, *lines = head.splitlines()
    noted = [line.removeprefix("# ") for line in lines if line.startswith("#")]
    request, *headers = [line for line in lines if not line.startswith("#")]
    method, url = request.split(" ", 1)
    names = [note.removeprefix("@name ") for note in noted if note.startswith("@name ")]
    (status,) = [int(note) for note in noted if note.isdigit()]
    return Written(
        title=title,
        name=names[0] if names else None,
        status=status,
        method=method,
        url=url,
        headers=dict(header.split(": ", 1) for header in headers),
        body=body,
    )
