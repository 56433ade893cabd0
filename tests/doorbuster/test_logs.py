"""Log lines: for people or for programs, and without secrets."""

import json
import logging
import re
import sys

import pytest

from doorbuster.logs import Json, Text
from doorbuster.redaction import REDACTED, Redaction
from doorbuster.settings import Settings

AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"


def record(message: str, *, error: Exception | None = None, **ids: str) -> logging.LogRecord:
    logger = logging.getLogger("gateway.somewhere")
    info = (type(error), error, None) if error else None
    return logger.makeRecord(
        logger.name, logging.WARNING, __file__, 1, message, (), info, extra=ids or None
    )


def test_a_line_of_text_ends_with_the_ids() -> None:
    line = Text(Redaction()).format(record("a fault", request="4bf9", reservation="2a97"))
    at, _, rest = line.partition(" ")
    assert AT.fullmatch(at)
    assert rest == "WARNING gateway.somewhere: a fault request=4bf9 reservation=2a97"


def test_a_line_of_json_is_one_object_whatever_the_message_holds() -> None:
    line = Json(Redaction()).format(
        record('two\nlines "quoted"', error=ValueError("why"), sale="x")
    )
    fields = json.loads(line)
    assert "\n" not in line
    assert AT.fullmatch(fields.pop("at"))
    assert fields == {
        "level": "warning",
        "logger": "gateway.somewhere",
        "message": 'two\nlines "quoted"',
        "sale": "x",
        "exception": "ValueError: why",
    }


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("redis://ada:secret@redis:6379/0", f"redis://{REDACTED}@redis:6379/0"),
        ("unix:///redis.sock?db=1&password=secret", f"unix:///redis.sock?db=1&password={REDACTED}"),
        (f"authorization: Bearer {TOKEN}", f"authorization: Bearer {REDACTED}"),
        ("key dbk_Zm9vYmFyYmF6cXV4 is", f"key {REDACTED} is"),
        ("GET /events?ticket=dbt_AZ0Zm9vYmFyYmF6", f"GET /events?ticket={REDACTED}"),
        ("GET /v1/x/events?ticket=abc&sku=a", f"GET /v1/x/events?ticket={REDACTED}&sku=a"),
        ("redis://redis:6379/0 is away at 12:30", "redis://redis:6379/0 is away at 12:30"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, clean: str) -> None:
    assert Redaction().clean(text) == clean
    assert json.loads(Json(Redaction()).format(record(text)))["message"] == clean


def test_the_secrets_of_the_settings_are_known_by_heart() -> None:
    redaction = Redaction.of(
        Settings(
            token_key="0123456789 a key of a shop that is long enough",
            redis_url="unix:///redis.sock?password=of-redis",
            database_url="postgresql://ada:of%2Fpostgres@host/shop",
        )
    )
    text = "0123456789 a key of a shop that is long enough, of-redis, of/postgres, of%2Fpostgres"
    assert redaction.clean(text) == ", ".join([REDACTED] * 4)


def test_a_traceback_is_cleaned_too() -> None:
    try:
        int(TOKEN)  # its message quotes what it was given
    except ValueError:
        failed = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    for formatter in (Text(Redaction()), Json(Redaction())):
        line = formatter.format(failed)
        assert "Traceback" in line
        assert TOKEN not in line
