"""Each script's header says what its body does, and what its caller sends."""

import re
from collections.abc import Sequence

import pytest
from header import INCLUDES, LUA, SCRIPTS, Parameter, ScriptText, include, without_comments
from selling import FSYNC, LAMP, MUG, Offer, Sale, digest, record_fields, reservation, wish

from lua.replies import Reply
from lua.script import Script, load
from lua.server import Argument, Server
from lua.terms import FromCart

every_script = pytest.mark.parametrize(
    "script", [ScriptText(name) for name in SCRIPTS], ids=SCRIPTS
)

# What the scripts may call, by where the key stands: the first word after the command, or nowhere.
ON_A_KEY = {
    "DEL", "EXISTS", "GET", "HEXISTS", "HGET", "HGETALL", "HLEN", "HMGET", "HSET", "PEXPIRETIME",
    "PUBLISH", "RENAME", "SET", "XADD", "XRANGE", "XTRIM",
}  # fmt: skip
ON_NO_KEY = {"INFO", "TIME"}
WRITES = {"DEL", "HSET", "RENAME", "SET", "XADD", "XTRIM"}
# A sale's states, which follow `state:` in a reply; they are no replies themselves.
STATES = {"open", "scheduled", "closed"}
# Giving back, following the ledger and recovery must not wait for room; selling must.
NEED_ROOM = {"admit", "lower", "open", "put_line"}
READ_ONLY = {"progress", "read", "read_cart"}

CALL = re.compile(r"redis\.p?call\('([A-Z]+)'(?:, ([^,)]+))?")


@every_script
def test_it_is_a_script_that_redis_may_refuse_before_its_first_command(script: ScriptText) -> None:
    """https://redis.io/docs/latest/develop/programmability/eval-intro/#eval-flags"""
    flags = "no-writes" if script.name in READ_ONLY else "allow-oom"
    expected = "#!lua" if script.name in NEED_ROOM else f"#!lua flags={flags}"
    assert script.lines[0] == expected
    assert load(script.name).source.startswith(f"{expected}\n--")


@every_script
@pytest.mark.parametrize("kind", ["KEYS", "ARGV"])
def test_parameters_are_numbered_without_a_gap(script: ScriptText, kind: str) -> None:
    parameters = script.parameters(kind)
    assert [each.number for each in parameters] == list(range(1, len(parameters) + 1))
    assert not any(each.rest for each in parameters[:-1])
    names = [each.name for each in parameters]
    assert len(set(names)) == len(names)
    assert len(parameters) == len(re.findall(rf"^ {kind}\[", script.header, re.MULTILINE))


@every_script
def test_locals_bear_the_names_of_the_header_in_its_order(script: ScriptText) -> None:
    documented = {
        (kind, each.number): each.name
        for kind in ("KEYS", "ARGV")
        for each in script.parameters(kind)
    }
    for name, kind, number in script.bound:
        assert name == documented[kind, number]
    for kind in ("KEYS", "ARGV"):
        numbers = [number for _, of, number in script.bound if of == kind]
        assert numbers == sorted(numbers)


@every_script
@pytest.mark.parametrize("kind", ["KEYS", "ARGV"])
def test_every_parameter_is_used(script: ScriptText, kind: str) -> None:
    named = {number: name for name, of, number in script.bound if of == kind}
    for each in script.parameters(kind):
        assert _uses(script, kind, each, named.get(each.number)), each


@every_script
def test_no_other_parameter_is_used(script: ScriptText) -> None:
    for kind in ("KEYS", "ARGV"):
        known = {each.number for each in script.parameters(kind)}
        used = {int(number) for number in re.findall(rf"{kind}\[(\d+)\]", script.body)}
        assert used <= known


@every_script
def test_the_rest_begins_where_the_header_says(script: ScriptText) -> None:
    before = {name: int(n) for name, n in re.findall(r"local BEFORE_(\w+) = (\d+)", script.body)}
    parameters = script.parameters("KEYS") + script.parameters("ARGV")
    assert before == {each.name.upper(): each.number - 1 for each in parameters if each.rest}


@every_script
def test_only_declared_keys_are_touched(script: ScriptText) -> None:
    """Redis would not notice an undeclared key of the same slot."""
    declared = {name for name, kind, _ in script.bound if kind == "KEYS"}
    for command, key in CALL.findall(script.body):
        if command in ON_A_KEY:
            assert key in declared or re.fullmatch(r"KEYS\[\w+\]", key), (command, key)
        else:
            assert command in ON_NO_KEY


@pytest.mark.parametrize("name", INCLUDES)
def test_an_include_touches_only_keys_that_it_is_given(name: str) -> None:
    for parameters, body in re.findall(
        r"local function \w+\(([^)]*)\)(.*?)\nend", include(name), re.DOTALL
    ):
        given = parameters.replace(" ", "").split(",")
        for command, key in CALL.findall(body):
            assert key in given if command in ON_A_KEY else command in ON_NO_KEY


@every_script
def test_what_the_header_replies_is_what_the_body_replies(script: ScriptText) -> None:
    assert script.returned_words - STATES == script.reply_words


@every_script
def test_every_include_is_there_and_used(script: ScriptText) -> None:
    assert len(set(script.includes)) == len(script.includes)
    for name in script.includes:
        functions = re.findall(r"local function (\w+)", include(name))
        assert functions
        for function in functions:
            assert re.search(rf"\b{function}\(", script.body), f"{function} of {name} is not used"


def test_every_include_is_included() -> None:
    assert {name for script in SCRIPTS for name in ScriptText(script).includes} == set(INCLUDES)


def test_time_is_the_only_clock_and_nothing_is_random() -> None:
    for path in LUA.rglob("*.lua"):
        assert not re.search(r"\bos\.|math\.random|RANDOMKEY", without_comments(path.read_text()))


@every_script
def test_every_function_is_local(script: ScriptText) -> None:
    """Redis refuses a global with an error, which would come in the middle of a script."""
    assert not re.search(r"(?<!local )function \w", script.body)


@every_script
def test_what_changes_the_sale_appends_before_it_writes(script: ScriptText) -> None:
    """XADD alone can still fail, so it is the first write, but for branches that end there."""
    if "append" not in script.includes:
        return
    before, append, after = script.body.rpartition("append(stream")
    assert append
    assert "set_fields(" not in before
    for call in CALL.finditer(before):
        if call[1] in WRITES:
            rest_of_branch = before[call.end() :].partition("\nend\n")[0]
            assert re.search(r"^  return \w+$", rest_of_branch, re.MULTILINE), call[0]
    assert "announce(" in after


async def test_the_door_sends_what_the_headers_say(redis_url: str, sale_id: str) -> None:
    recorder = Recorder(redis_url)
    async with recorder:
        await _call_everything(Sale(recorder, sale_id))
    sent = recorder.sent
    assert sorted(sent) == SCRIPTS
    for name, (keys, arguments) in sent.items():
        script = ScriptText(name)
        for count, expected in (
            (keys, script.parameters("KEYS")),
            (arguments, script.parameters("ARGV")),
        ):
            if expected and expected[-1].rest:
                assert count > expected[-1].number, name
            else:
                assert count == len(expected), name


class Recorder(Server):
    """Notes how many keys and arguments each script was sent."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.sent: dict[str, tuple[int, int]] = {}

    async def run(
        self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]
    ) -> Reply:
        self.sent[script.name] = (len(keys), len(arguments))
        return await super().run(script, keys, arguments)


async def _call_everything(sale: Sale) -> None:
    offers = {LAMP: Offer(units=10), MUG: Offer(units=5)}
    await sale.open(offers)
    await sale.admit(wish(1), wish(2))
    carts = dict.fromkeys(range(2), FromCart(customer=digest("ada"), version=0))
    await sale.admit(wish(3), wish(4), terms=carts)
    await sale.carts.put("friday", digest("ada"), sku=LAMP, quantity=1)
    await sale.carts.read("friday", digest("ada"))
    await sale.carts.remove("friday", digest("ada"), LAMP)
    await sale.store.return_units(1, [f"{reservation(1)}x", f"{reservation(2)}r"])
    await sale.store.grant(1, sku=LAMP, raised=20, revision=2)
    await sale.store.lower(1, request="r", sku=LAMP, units=1, context="{}")
    await sale.store.change_state(1, state="paused", opens_at_ms=0, closes_at_ms=0, revision=2)
    await sale.store.correct(1, sku=LAMP, units=0, mirrored=0, number=1)
    await sale.store.prove(1, FSYNC)
    await sale.store.follow(1, committed=1, trim_below=1, count=5)
    await sale.record()
    await sale.store.progress()
    await sale.store.fence(2)
    await sale.store.adopt(2, old_epoch=1, version=8, proof=FSYNC, available={LAMP: 19, MUG: 5})
    await sale.store.fence(3)
    await sale.store.open(3, version=7, reservations=0, customers=0, fields=record_fields(offers))


def _uses(script: ScriptText, kind: str, parameter: Parameter, name: str | None) -> bool:
    if parameter.rest:
        counted = f"#{kind}" in script.body or f"BEFORE_{parameter.name.upper()} +" in script.body
        return counted and re.search(rf"{kind}\[[a-z]", script.body) is not None
    if name is not None:
        return len(re.findall(rf"\b{name}\b", script.body)) > 1
    direct = f"{kind}[{parameter.number}]" in script.body
    return direct or re.search(rf"{kind}\[k\b", script.body) is not None
