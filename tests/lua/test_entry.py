"""An entry is read as it stands, whatever somebody has written into it."""

from lua.entry import Entry, Kind, parse_entry


def test_what_is_no_text_is_escaped_for_the_ledger_to_refuse() -> None:
    fields = [b"kind", b"lowering", b"epoch", b"2", b"first", b"7", b"at_ms", b"5"]
    reply = [b"7-0", [*fields, b"stock", b"LAMP-1=3", b"body", b'one|LAMP-1|2|{"a": "\xff"}']]
    assert parse_entry(reply) == Entry(
        last=7,
        kind=Kind.LOWERING,
        epoch=2,
        first=7,
        at_ms=5,
        stock={"LAMP-1": 3},
        body='one|LAMP-1|2|{"a": "\\xff"}',
    )
