"""What the documents name exists: a rename that forgets them is found here."""

import re
from collections.abc import Iterator
from functools import cache

import pytest
from command_lines import check_doorbuster, check_make, check_mention, groups, options
from documents import CONTRIBUTING, PROJECT, PROTOCOL, README, Document, documents

from doorbuster import settings
from doorbuster.cli import COMMANDS
from lua.entry import Kind

PACKAGES = ("doorbuster", "gateway", "lua", "reconciler", "sql")
SOURCES = ("*.py", "*.lua", "*.sql", "*.json")
SETTING = re.compile(r"DOORBUSTER_[A-Z_]*[A-Z]")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
PATH = re.compile(r"\.?[A-Za-z0-9_-]+(/[A-Za-z0-9_.-]*)+|\.?[\w.-]+\.(py|lua|sql|md|json|toml|txt)")
# What is not ours, or is made while we run; everything else in code font stands in the code.
FOREIGN = {
    "FLUSHALL",  # of Redis
    "Idempotency-Replayed",  # written in lower case, as ASGI has it
    "Any",  # what mypy does not let us say
    "curl",
    "archive_mode",  # of Postgres
    "systemd-analyze",
    "sub",
}
OF_PYTEST = {"--containers"}  # tests/conftest.py adds it
MADE_LATER = {".doorbuster/", ".venv", "connection.json", "friday.json", "change.json"}
# These compare what we use with what we do not use, or tell of what is gone.
FREE_TO_NAME = {"docs/decisions/dependencies.md", "CHANGELOG.md"}

every_document = pytest.mark.parametrize("document", documents(), ids=lambda each: each.name)
every_naming_document = pytest.mark.parametrize(
    "document",
    [each for each in documents() if each.name not in FREE_TO_NAME],
    ids=lambda each: each.name,
)


@every_document
def test_links_lead_somewhere(document: Document) -> None:
    for link in document.links():
        if link.startswith(("https://", "http://")):
            continue
        place, _, anchor = link.partition("#")
        target = (document.path.parent / place).resolve() if place else document.path
        assert target.exists(), f"{document.name} links to {link}"
        assert not anchor or anchor in Document(target).anchors(), f"{document.name}: #{anchor}"


@every_document
def test_settings_exist(document: Document) -> None:
    assert set(SETTING.findall(document.text)) <= set(settings.names())


@every_naming_document
def test_commands_and_targets_exist(document: Document) -> None:
    for text in document.code():
        if text.startswith("doorbuster "):
            check_mention(text)
        if text.startswith("make "):
            check_make(text)
        if text.startswith("--"):
            assert text in options() | OF_PYTEST, f"no command has {text}"


@every_naming_document
def test_commands_in_blocks_can_be_run_as_they_stand(document: Document) -> None:
    for block in document.blocks("sh"):
        for line in block.splitlines():
            if line.startswith("doorbuster "):
                check_doorbuster(line)


@every_naming_document
def test_paths_exist(document: Document) -> None:
    for text in document.code() - MADE_LATER:
        if PATH.fullmatch(text) and not text.startswith("application/"):
            assert (PROJECT / text).exists() or text in _hidden_folders(), f"{text} is no path"


def _hidden_folders() -> set[str]:
    """Folders of a package that the layout names without it, such as `admission/`."""
    return {f"{path.name}/" for package in PACKAGES for path in (PROJECT / package).iterdir()}


@every_naming_document
def test_names_in_code_font_stand_in_the_code(document: Document) -> None:
    names = {text for text in document.code() if NAME.fullmatch(text)}
    assert names - FOREIGN - MADE_LATER <= _words_of_the_code()


@cache
def _words_of_the_code() -> set[str]:
    words: set[str] = set(COMMANDS) | set(PACKAGES)
    for text in _code():
        words.update(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text))
        words.update(re.findall(r"[A-Za-z]+(?:-[A-Za-z0-9]+)+", text))
    return words


def _code() -> Iterator[str]:
    for package in PACKAGES:
        for pattern in SOURCES:
            for path in (PROJECT / package).rglob(pattern):
                yield path.stem
                yield path.read_text()
    for name in ("pyproject.toml", "Makefile", ".env.sample", "tests/conftest.py"):
        yield (PROJECT / name).read_text()
    for path in [*(PROJECT / "ops").rglob("*.*"), PROJECT / "compose.yaml", PROJECT / "Dockerfile"]:
        yield path.name
        yield path.read_text()


# The tables that claim to be complete


def test_every_script_is_described() -> None:
    scripts = {path.stem for path in (PROJECT / "lua/scripts").glob("*.lua")}
    assert PROTOCOL.first_column("The scripts") == scripts


def test_scripts_append_what_the_table_says() -> None:
    for script, _, _, appends in PROTOCOL.table("The scripts"):
        source = (PROJECT / f"lua/scripts/{script.strip('`')}.lua").read_text()
        appended = re.findall(r"^append\(stream, '(\w+)'", source, re.MULTILINE)
        assert re.findall(r"`(\w+)`", appends) == appended, script


def test_every_kind_of_entry_is_described() -> None:
    assert PROTOCOL.first_column("The stream") == set(Kind)


def test_every_table_is_described() -> None:
    migrations = (PROJECT / "sql/migrations").glob("*.sql")
    created = re.findall(
        r"^create table (\w+)", "".join(path.read_text() for path in migrations), re.MULTILINE
    )
    assert PROTOCOL.first_column("The tables") == set(created)


def test_every_migration_has_a_number_of_its_own() -> None:
    numbers = [path.name[:4] for path in (PROJECT / "sql/migrations").glob("*.sql")]
    assert sorted(numbers) == [f"{number:04d}" for number in range(1, len(numbers) + 1)]


def test_every_kind_of_outbox_row_is_described() -> None:
    migrations = sorted((PROJECT / "sql/migrations").glob("*.sql"))
    schema = "".join(path.read_text() for path in migrations)
    *_, kinds = re.findall(r"outbox_kind_known\s+check \(kind in \(([^)]+)\)", schema)
    assert PROTOCOL.first_column("The outbox") == set(re.findall(r"\w+", kinds))


def test_every_field_of_the_record_is_described() -> None:
    scripts = "".join(path.read_text() for path in (PROJECT / "lua/scripts").glob("*.lua"))
    rebuild = (PROJECT / "reconciler/rebuild.py").read_text()
    for field in PROTOCOL.first_column("The record"):
        name = field.partition("<")[0]
        assert f"'{name}'" in scripts or f'"{name}' in rebuild, f"no record has {field}"
    written = re.findall(r"redis\.call\('HSET', record,(.*?)\)(?: end)?\n", scripts, re.DOTALL)
    installed = {name for call in written for name in re.findall(r"'(\w+)'", call)}
    installed |= set(re.findall(r'^        "(\w+)":', rebuild, re.MULTILINE))
    installed |= {f"{name}:<sku>" for name in re.findall(r'fields\[f"(\w+):\{item', rebuild)}
    assert installed <= PROTOCOL.first_column("The record")


def test_every_invariant_of_the_audit_is_described() -> None:
    audited = re.findall(r'invariant="(\w+)"', (PROJECT / "reconciler/comparison.py").read_text())
    described = {row[0] for row in PROTOCOL.table("What must always hold")}
    assert described == set(audited)


def test_every_command_is_in_the_readme() -> None:
    told = {row[0].strip("`").partition(" ")[2]: row[1] for row in README.table("Commands")}
    assert told.keys() == COMMANDS.keys()
    for name, subcommands in groups().items():
        assert set(re.findall(r"`(\w+)`", told[name])) == subcommands


def test_every_decision_is_listed() -> None:
    folder = PROJECT / "docs/decisions"
    files = {path.name for path in folder.glob("*.md")} - {"README.md"}
    assert files == set(Document(folder / "README.md").links())


def test_every_target_is_in_the_makefile() -> None:
    for block in CONTRIBUTING.blocks("sh"):
        for line in block.splitlines():
            check_make(line)
