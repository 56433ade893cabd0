"""A script taken apart: what its header promises, and what its body does."""

import re
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

LUA = Path(str(resources.files("lua")))
SCRIPTS = sorted(path.stem for path in (LUA / "scripts").glob("*.lua"))
INCLUDES = sorted(path.stem for path in (LUA / "include").glob("*.lua"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """`KEYS[n]` or `ARGV[n]`; `rest` for `ARGV[n+]`."""

    number: int
    name: str
    rest: bool


@dataclass(frozen=True)
class ScriptText:
    """One file of `lua/scripts`."""

    name: str

    @cached_property
    def lines(self) -> list[str]:
        return (LUA / "scripts" / f"{self.name}.lua").read_text().splitlines()

    @cached_property
    def header(self) -> str:
        """The comment at the top, without the `--`."""
        end = next(n for n, line in enumerate(self.lines[1:]) if not line.startswith("--")) + 1
        return "\n".join(line[2:] for line in self.lines[1:end])

    @cached_property
    def body(self) -> str:
        """The code, without its comments."""
        return without_comments("\n".join(self.lines))

    @cached_property
    def includes(self) -> list[str]:
        return [line.split()[1] for line in self.lines if line.startswith("--@include ")]

    def parameters(self, kind: str) -> list[Parameter]:
        """What the header says of KEYS or ARGV."""
        found = re.findall(
            rf"^ {kind}\[(\d+)(\+?)\] +([a-z_]+)('?)(?: |$)", self.header, re.MULTILINE
        )
        return [
            Parameter(number=int(number), name=name + prime, rest=bool(rest))
            for number, rest, name, prime in found
        ]

    @cached_property
    def bound(self) -> list[tuple[str, str, int]]:
        """The locals that name a parameter: (local, KEYS or ARGV, number), in their order."""
        bound = []
        for names, values in re.findall(
            r"^local ([a-z_, ]+)\s*=\s*([^\n]+)", self.joined, re.MULTILINE
        ):
            for name, value in zip(names.split(","), values.split(", "), strict=False):
                if parameter := re.search(r"(KEYS|ARGV)\[(\d+)\]", value):
                    bound.append((name.strip(), parameter[1], int(parameter[2])))
        return bound

    @cached_property
    def joined(self) -> str:
        """The body with statements that go over two lines put on one."""
        return re.sub(r"=\n\s+", "= ", self.body)

    @cached_property
    def reply_words(self) -> set[str]:
        """The words that the header's `Reply` section quotes."""
        return set(re.findall(r"'([a-z-]+)[:']", self.header.partition("\n Reply")[2]))

    @cached_property
    def returned_words(self) -> set[str]:
        """The words that the script answers with, at the start of an array or of an outcome."""
        array = r"(?:return|reply =) \{"
        begins = rf"(?:{array}|return (?:string\.format\()?|over or string\.format\()"
        included = "".join(map(include, self.includes))
        return {
            *re.findall(rf"{begins}'([a-z-]+)", self.body),
            *re.findall(rf"{array}'([a-z-]+)", included),
        }


def include(name: str) -> str:
    """An include's code, without its comments."""
    return without_comments((LUA / "include" / f"{name}.lua").read_text())


def without_comments(text: str) -> str:
    """Lua code without `--` comments; no string of ours has two hyphens in it."""
    return re.sub(r"--[^\n]*", "", text)
