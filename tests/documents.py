"""Reads our Markdown: links, tables and code, as far as the tests of the documents need."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PROJECT = Path(__file__).parents[1]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """One file; `name` is its path in the project."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(PROJECT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return FENCED.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks in that language, in order."""
        return [body for found, body in FENCED.findall(self.text) if found == language]

    def code(self) -> set[str]:
        """What stands in code font in the prose."""
        return {" ".join(found.split()) for found in CODE.findall(self.prose)}

    def links(self) -> list[str]:
        return LINK.findall(CODE.sub("", self.prose))

    def anchors(self) -> set[str]:
        """The headings, as GitHub makes links of them."""
        return {_slug(heading) for heading in HEADING.findall(self.prose)}

    def table(self, heading: str) -> list[list[str]]:
        """The cells of the first table under a heading, without its head."""
        _, found, rest = self.prose.partition(f"\n## {heading}\n")
        assert found, f"{self.name} has no heading {heading!r}"
        section = rest.partition("\n## ")[0]
        rows = [line for line in section.splitlines() if line.startswith("|")]
        return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]

    def first_column(self, heading: str) -> set[str]:
        """What stands in code font in the first column of that table."""
        return {word for row in self.table(heading) for word in CODE.findall(row[0])}


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def documents() -> list[Document]:
    """Every Markdown file that is ours."""
    paths = [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), *PROJECT.glob("ops/**/*.md")]
    return [Document(path) for path in sorted(paths)]


README = Document(PROJECT / "README.md")
CONTRIBUTING = Document(PROJECT / "CONTRIBUTING.md")
PROTOCOL = Document(PROJECT / "docs/protocol.md")
