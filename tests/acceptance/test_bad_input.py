"""What is wrong with a request is said as documented, changes nothing, and is no fault of ours."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from math import inf, nan

import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import OctKey
from kept_shop import KeptShop, is_problem
from shop import TOKEN_KEY
from wire import Wire, request, wired

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"content-type": "application/json"}
UNITS = {"LAMP-1": 100, "MUG": 100}


@dataclass(kw_only=True)
class Target:
    """The sale that the requests are aimed at; whatever they do, it stays as it was."""

    shop: KeptShop
    sale_id: str
    before: str

    @property
    def checkout(self) -> str:
        return f"/v1/sales/{self.sale_id}/checkout"

    def headers(self, **more: str | bytes) -> dict[str, str | bytes]:
        """Those of a good checkout, and others."""
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {"authorization": f"Bearer {self.shop.token('mia')}", **JSON, **named}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(shop: KeptShop) -> Target:
    sale_id = await shop.sell(UNITS)
    before = await shop.command("sale", "show", sale_id, "--json")
    return Target(shop=shop, sale_id=sale_id, before=before)


@pytest_asyncio.fixture(loop_scope="module")
async def target(opened: Target) -> AsyncIterator[Target]:
    """Every test leaves the stock alone and makes nobody log a fault."""
    before = opened.shop.faults()
    yield opened
    assert await opened.shop.stock(opened.sale_id) == UNITS
    assert opened.shop.faults() == before


@pytest_asyncio.fixture(loop_scope="module")
async def wire(shop: KeptShop) -> AsyncIterator[Wire]:
    async with wired(shop.address) as wire:
        yield wire


def lines(*pairs: tuple[object, object]) -> bytes:
    """The body of a checkout."""
    return json.dumps({"lines": [{"sku": sku, "quantity": units} for sku, units in pairs]}).encode()


GOOD = lines(("LAMP-1", 1))


# Bodies

NOT_JSON = {
    "nothing": b"",
    "an unfinished object": b'{"lines": [',
    "something after it": GOOD + b"x",
    "two documents": GOOD + GOOD,
    "a comma too many": b'{"lines": [{"sku": "LAMP-1", "quantity": 1},]}',
    "single quotes": b"{'lines': []}",
    "a leading zero": b'{"lines": [{"sku": "LAMP-1", "quantity": 01}]}',
    "bytes that are no UTF-8": b'{"lines": [{"sku": "\xff\xfe", "quantity": 1}]}',
    "UTF-16": GOOD.decode().encode("utf-16"),
    "half a character": b'{"lines": [{"sku": "\\ud800", "quantity": 1}]}',
    "a control character": b'{"lines": [{"sku": "LAMP\n-1", "quantity": 1}]}',
    "a form": b"lines=LAMP-1&quantity=1",
    "depth": b"[" * 16_000,
    "NUL": b"\x00",
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
async def test_what_is_no_json_is_malformed(target: Target, wire: Wire, body: bytes) -> None:
    wire.write(request("POST", target.checkout, target.headers(), body))
    answer = await wire.answer()
    assert is_problem(answer, 400, "malformed")
    assert await wire.serves_on(answer)


# Each with the field that is to blame.
INVALID: dict[str, tuple[object, str]] = {
    "a list": ([], ""),
    "a string": ("lines", ""),
    "null": (None, ""),
    "lines that are an object": ({"lines": {}}, "/lines"),
    "lines that are null": ({"lines": None}, "/lines"),
    "lines that are a number": ({"lines": 1}, "/lines"),
    "lines that are empty": ({"lines": []}, "/lines"),
    "a line that is a string": ({"lines": ["LAMP-1"]}, "/lines/0"),
    "a line that is null": ({"lines": [None]}, "/lines/0"),
    "a line without a sku": ({"lines": [{"quantity": 1}]}, "/lines/0/sku"),
    "a line without a quantity": ({"lines": [{"sku": "LAMP-1"}]}, "/lines/0/quantity"),
    "a field that nobody knows": ({"lines": [], "coupon": "X"}, "/coupon"),
    "a price of the customer's own": (
        {"lines": [{"sku": "LAMP-1", "quantity": 1, "unit_price": 1}]},
        "/lines/0/unit_price",
    ),
}
WRONG_QUANTITIES = [
    0,
    -1,
    -(10**30),
    10_001,
    10**30,
    2**53,
    1.5,
    1e300,
    inf,
    nan,
    "1",
    True,
    None,
    [],
    {},
]
WRONG_SKUS = [
    "",
    " ",
    "LAMP 1",
    "LAMP-1\n",
    "LAMP/1",
    "LAMP:1",
    "LÄMP",
    "L" * 65,
    "\0",
    1,
    None,
    [],
]
INVALID |= {
    f"the quantity {json.dumps(units)}": (
        {"lines": [{"sku": "LAMP-1", "quantity": units}]},
        "/lines/0/quantity",
    )
    for units in WRONG_QUANTITIES
}
INVALID |= {
    f"the sku {json.dumps(sku)[:12]}": ({"lines": [{"sku": sku, "quantity": 1}]}, "/lines/0/sku")
    for sku in WRONG_SKUS
}
INVALID |= {
    "the second line": (
        {"lines": [{"sku": "LAMP-1", "quantity": 1}, {"sku": "MUG", "quantity": 0}]},
        "/lines/1/quantity",
    ),
    "101 lines": ({"lines": [{"sku": "LAMP-1", "quantity": 1}] * 101}, "/lines"),
    "too many units in two lines": (
        {"lines": [{"sku": "LAMP-1", "quantity": 9_999}, {"sku": "LAMP-1", "quantity": 2}]},
        "/lines",
    ),
}


@pytest.mark.parametrize(("body", "pointer"), INVALID.values(), ids=INVALID)
async def test_a_wrong_field_is_named(
    target: Target, wire: Wire, body: object, pointer: str
) -> None:
    wire.write(request("POST", target.checkout, target.headers(), json.dumps(body).encode()))
    answer = await wire.answer()
    assert is_problem(answer, 422, "invalid")
    assert pointer in [error["pointer"] for error in answer.body["errors"]]
    assert all(error["detail"] for error in answer.body["errors"])
    assert await wire.serves_on(answer)


async def test_ten_thousand_lines_are_too_many(target: Target, wire: Wire) -> None:
    body = lines(*[("LAMP-1", 1)] * 10_000)
    wire.write(request("POST", target.checkout, target.headers(), body))
    answer = await wire.answer()
    assert is_problem(answer, 413, "body-too-large")
    assert await wire.serves_on(answer)


async def test_a_body_without_a_length_is_bounded_as_well(target: Target, wire: Wire) -> None:
    head = request("POST", target.checkout, target.headers(transfer_encoding="chunked"))
    wire.write(head + b"4000\r\n" + b" " * 0x4000 + b"\r\n" + b"10\r\n" + b" " * 0x10 + b"\r\n")
    answer = await wire.answer()
    assert is_problem(answer, 413, "body-too-large")
    assert await wire.serves_on(answer)


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "text/json", "application/jsonp", "application/x-www-form-urlencoded"],
)
async def test_what_is_not_called_json_is_not_read(
    target: Target, wire: Wire, content_type: str
) -> None:
    headers = target.headers() | {"content-type": content_type}
    wire.write(request("POST", target.checkout, headers, GOOD))
    answer = await wire.answer()
    assert is_problem(answer, 415, "unsupported-media-type")
    assert await wire.serves_on(answer)


# Credentials


CLAIMS = {"iss": "doorbuster", "aud": "doorbuster", "sub": "mia", "exp": 4_102_444_800}


def now() -> int:
    return int(time.time())


def signed(key: str = TOKEN_KEY, algorithm: str = "HS256", **claims: object) -> str:
    """A token with these claims in place of good ones; None leaves one out."""
    all_claims = CLAIMS | {"iat": now()} | claims
    given = {name: value for name, value in all_claims.items() if value is not None}
    return jwt.encode({"alg": algorithm}, given, OctKey.import_key(key), [algorithm])


def encoded(part: bytes) -> str:
    return urlsafe_b64encode(part).rstrip(b"=").decode()


def signed_text(payload: str) -> str:
    """A token with a payload that a library would not write."""
    text = f"{encoded(json.dumps({'alg': 'HS256'}).encode())}.{encoded(payload.encode())}"
    return f"{text}.{encoded(hmac.digest(TOKEN_KEY.encode(), text.encode(), 'sha256'))}"


def pasted(header: object, payload: object, signature: bytes = b"x") -> str:
    """A token that was put together by hand."""
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(map(encoded, parts))


BAD_TOKENS: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "a word": lambda: "mia",
    "dots": lambda: "..",
    "no base64": lambda: "ä.ö.ü",
    "five parts": lambda: signed() + ".a.b",
    "long": lambda: "x" * 9_000,
    "expired": lambda: signed(exp=now() - 60),
    "from the future": lambda: signed(nbf=now() + 60),
    "signed by another": lambda: signed(key="a key that nobody here knows, long enough"),
    "signed in another way": lambda: signed(algorithm="HS512"),
    "not signed": lambda: pasted({"alg": "none"}, CLAIMS, b""),
    "changed": lambda: ".".join([*signed().split(".")[:2], signed(sub="tom").split(".")[2]]),
    "a header that is a list": lambda: pasted([], CLAIMS),
    "a header that is null": lambda: pasted(None, CLAIMS),
    "of another issuer": lambda: signed(iss="somebody"),
    "for another audience": lambda: signed(aud="somebody"),
    "without an issuer": lambda: signed(iss=None),
    "without an audience": lambda: signed(aud=None),
    "without an end": lambda: signed(exp=None),
    "without a subject": lambda: signed(sub=None),
    "an end that is a word": lambda: signed(exp="tomorrow"),
    "an end that is a list": lambda: signed(exp=[1]),
    "an end that is an object": lambda: signed(exp={}),
    "a subject that is empty": lambda: signed(sub=""),
    "a subject that is a number": lambda: signed(sub=42),
    "a subject that is a list": lambda: signed(sub=["mia"]),
    "a subject that is an object": lambda: signed(sub={"name": "mia"}),
    "a subject that is false": lambda: signed(sub=False),
    "a subject of 256 characters": lambda: signed(sub="m" * 256),
    "a subject with NUL": lambda: signed(sub="mia\0"),
    "a subject with a line break": lambda: signed(sub="mia\n"),
    "a subject of half a character": lambda: signed_text(json.dumps(CLAIMS | {"sub": "\ud800"})),
    "an end beyond all": lambda: signed_text(json.dumps(CLAIMS).replace("4102444800", "9" * 5000)),
    "an end that is infinite": lambda: signed_text(json.dumps(CLAIMS | {"exp": inf})),
    "an end that is no number": lambda: signed_text(json.dumps(CLAIMS | {"exp": nan})),
    "claims that are a list": lambda: signed_text("[]"),
    "claims that are no JSON": lambda: signed_text("{"),
    "claims that are deep": lambda: signed_text("[" * 5000),
    "an issuer that is a number": lambda: signed(iss=1),
    "an audience that is a number": lambda: signed(aud=1),
    "an audience that is an object": lambda: signed(aud={}),
    "a beginning that is a word": lambda: signed(nbf="now"),
    "a time of issue that is a word": lambda: signed(iat="now"),
}


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS)
async def test_a_token_that_is_not_good_opens_nothing(
    target: Target, wire: Wire, token: Callable[[], str]
) -> None:
    wire.write(
        request("POST", target.checkout, target.headers(authorization=f"Bearer {token()}"), GOOD)
    )
    answer = await wire.answer()
    assert is_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert await wire.serves_on(answer)


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic bWlhOm1pYQ==", "bearertoken", "Token abc"]
)
async def test_other_credentials_are_none(target: Target, wire: Wire, authorization: str) -> None:
    headers = target.headers(authorization=authorization)
    wire.write(request("POST", target.checkout, headers, GOOD))
    assert is_problem(await wire.answer(), 401, "unauthenticated")


async def test_no_credentials_are_none(target: Target, wire: Wire) -> None:
    wire.write(request("POST", target.checkout, JSON, GOOD))
    assert is_problem(await wire.answer(), 401, "unauthenticated")


@pytest.mark.parametrize(
    "name", ["authorization", "idempotency-key", "content-type", "traceparent"]
)
async def test_a_header_that_stands_twice_is_not_guessed_at(
    target: Target, wire: Wire, name: str
) -> None:
    head = request("POST", target.checkout, target.headers(), GOOD)
    twice = f"{name}: a\r\n{name}: b\r\n".encode()
    good = f"{name}: {target.headers().get(name, 'a')}\r\n".encode()
    wire.write(head.replace(good, b"").replace(b"host: shop\r\n", b"host: shop\r\n" + twice))
    answer = await wire.answer()
    assert is_problem(answer, 400, "malformed")
    assert await wire.serves_on(answer)


async def test_an_api_key_buys_nothing(target: Target, wire: Wire) -> None:
    for key in (await target.shop.key("admin"), "dbk_unknown"):
        wire.write(
            request("POST", target.checkout, target.headers(authorization=f"Bearer {key}"), GOOD)
        )
        assert is_problem(await wire.answer(), 403, "forbidden")


# Keys, names, paths, methods


@pytest.mark.parametrize(
    "key",
    ["", '""', '"', '"a', "a b", "k" * 129, "schlüssel", b"\xff", '"a"b"', "a\tb"],
    ids=lambda key: repr(key)[:12],
)
async def test_an_idempotency_key_has_a_form(target: Target, wire: Wire, key: str | bytes) -> None:
    wire.write(request("POST", target.checkout, target.headers(idempotency_key=key), GOOD))
    answer = await wire.answer()
    assert is_problem(answer, 400, "malformed")
    assert await wire.serves_on(answer)


@pytest.mark.parametrize(
    "sale_id",
    [
        "nothing",
        "s" * 65,
        "s" * 5000,
        "a%20b",
        "%00",
        "%ff",
        "%F0%9F%8E%88",
        "...",
        "a:b",
        "{x}",
        "a*",
    ],
    ids=lambda name: name[:12],
)
async def test_a_sale_that_cannot_be_is_unknown(target: Target, wire: Wire, sale_id: str) -> None:
    for method, what in (("POST", "checkout"), ("GET", "stock"), ("GET", "events")):
        body = GOOD if method == "POST" else None
        wire.write(request(method, f"/v1/sales/{sale_id}/{what}", target.headers(), body))
        answer = await wire.answer()
        assert is_problem(answer, 404, "unknown-sale")
        assert await wire.serves_on(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/v1", "/v1/", "/nothing", "/v1/nothing", "/V1/reservations", "//v1/reservations",
        "/v1/sales//checkout", "/v1/sales/a%2Fb/checkout", "/v1/reservations/",
        "/v1/reservations/a/b", "/v1/sales/x/checkout/", "/v1/sales/x/stock/", "/livez/",
        "/demo/token", "/demo/pay", "/../etc/passwd", "/v1/sales/../../etc/passwd", "/%",
        "*", "ftp://shop/nothing", "/%zz", "/" + "x" * 8000,
    ],
    ids=lambda path: path[:24],
)  # fmt: skip
async def test_what_is_not_there_is_not_found(target: Target, wire: Wire, path: str) -> None:
    for method in ("GET", "POST"):
        wire.write(request(method, path, target.headers(), GOOD if method == "POST" else None))
        answer = await wire.answer()
        assert is_problem(answer, 404, "not-found")
        assert await wire.serves_on(answer)


RESERVATION = "/v1/reservations/2a97516c-472a-8b3d-8b6b-dd67fd29f792"
METHODS = {
    "/v1/sales/x/checkout": {"POST"},
    "/v1/sales/x/stock": {"GET", "HEAD"},
    "/v1/sales/x/events": {"GET", "HEAD"},
    "/v1/reservations": {"GET", "HEAD"},
    RESERVATION: {"GET", "HEAD"},
    f"{RESERVATION}/confirm": {"POST"},
    f"{RESERVATION}/release": {"POST"},
    "/livez": {"GET", "HEAD"},
    "/readyz": {"GET", "HEAD"},
}


@pytest.mark.parametrize("path", METHODS)
async def test_a_method_that_does_not_fit_is_told_which_do(
    target: Target, wire: Wire, path: str
) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - METHODS[path]:
        wire.write(request(method, path, target.headers(), b"{}"))
        answer = await wire.answer()
        assert is_problem(answer, 405, "method-not-allowed")
        assert set(answer.headers["allow"].split(", ")) == METHODS[path]
        assert await wire.serves_on(answer)


# Reservations


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "0",
        "-",
        "2a97516c",
        "2a97516c-472a-8b3d-8b6b-dd67fd29f79g",
        "%00",
        "%F0%9F%8E%88",
        "z" * 5000,
    ],
    ids=lambda name: name[:12],
)
async def test_a_reservation_that_cannot_be_is_unknown(
    target: Target, wire: Wire, name: str
) -> None:
    key = f"Bearer {await target.shop.key()}"
    for method, path in (("GET", ""), ("POST", "/release"), ("POST", "/confirm")):
        body = b'{"payment_reference": "p-1"}' if path == "/confirm" else None
        headers = target.headers(authorization=key)
        wire.write(request(method, f"/v1/reservations/{name}{path}", headers, body))
        assert is_problem(await wire.answer(), 404, "unknown-reservation")


WRONG_REFERENCES = ["", " ", "a b", "ä", "a\n", "\0", "p" * 256, 1, None, []]
WRONG_CONFIRMATIONS = [{}, [], None, "p-1", {"payment_reference": "p-1", "amount": 1}]
WRONG_CONFIRMATIONS += [{"payment_reference": wrong} for wrong in WRONG_REFERENCES]
CONFIRMATIONS: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "malformed"),
    "no JSON": (b"{", 400, "malformed"),
    "no UTF-8": (b'{"payment_reference": "\xff"}', 400, "malformed"),
    "too much": (b" " * 20_000, 413, "body-too-large"),
} | {
    json.dumps(body)[:40]: (json.dumps(body).encode(), 422, "invalid")
    for body in WRONG_CONFIRMATIONS
}


@pytest.mark.parametrize(("body", "status", "code"), CONFIRMATIONS.values(), ids=CONFIRMATIONS)
async def test_a_confirmation_has_a_form(
    target: Target, wire: Wire, body: bytes, status: int, code: str
) -> None:
    key = f"Bearer {await target.shop.key()}"
    wire.write(request("POST", f"{RESERVATION}/confirm", target.headers(authorization=key), body))
    answer = await wire.answer()
    assert is_problem(answer, status, code)
    assert await wire.serves_on(answer)


async def test_a_confirmation_is_called_json(target: Target, wire: Wire) -> None:
    headers = {"authorization": f"Bearer {await target.shop.key()}", "content-type": "text/plain"}
    body = b'{"payment_reference": "p-1"}'
    wire.write(request("POST", f"{RESERVATION}/confirm", headers, body))
    assert is_problem(await wire.answer(), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "limit",
    ["", "0", "101", "-1", "1.5", "ten", "+5", "9" * 5000, "%D9%A3%D9%A3%D9%A3"],
    ids=lambda x: x[:12],
)
async def test_a_page_has_a_size(target: Target, wire: Wire, limit: str) -> None:
    wire.write(request("GET", f"/v1/reservations?limit={limit}", target.headers()))
    answer = await wire.answer()
    assert is_problem(answer, 422, "invalid")
    assert await wire.serves_on(answer)


async def test_a_page_begins_after_a_reservation(target: Target, wire: Wire) -> None:
    after = RESERVATION.rpartition("/")[2]
    wire.write(request("GET", f"/v1/reservations?after={after}", target.headers()))
    assert is_problem(await wire.answer(), 404, "unknown-reservation")


@pytest.mark.parametrize("after", ["", "x", "%00"])
async def test_a_page_begins_after_an_id(target: Target, wire: Wire, after: str) -> None:
    wire.write(request("GET", f"/v1/reservations?after={after}", target.headers()))
    assert is_problem(await wire.answer(), 422, "invalid")


# The stock


@pytest.mark.parametrize(
    "sku", ["", "LAMP-2", "%00", "LAMP-1&sku=x", "x" * 5000], ids=lambda x: x[:12]
)
async def test_an_item_that_is_not_sold_is_unknown(target: Target, wire: Wire, sku: str) -> None:
    for what in ("stock", "events"):
        wire.write(request("GET", f"/v1/sales/{target.sale_id}/{what}?sku={sku}"))
        answer = await wire.answer()
        assert is_problem(answer, 404, "unknown-sku")
        assert await wire.serves_on(answer)


@pytest.mark.parametrize(
    "event_id",
    ["", "x", "1", "0-0", "99999-1", "-1--1", "9" * 5000, "1-1-closed", "\u00e4"],
    ids=lambda x: x[:12],
)
async def test_an_event_id_that_is_not_ours_is_no_hindrance(
    target: Target, wire: Wire, event_id: str
) -> None:
    wire.write(request("GET", f"/v1/sales/{target.sale_id}/events", {"last-event-id": event_id}))
    status, headers = await wire.receive_head()
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


# What is no HTTP, or too much of it


NO_HTTP = {
    "garbage": b"\x00\x01\x02\x03 garbage\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + b"\x00" * 190,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method that is none": b"BUY /livez HTTP/1.1\r\nhost: shop\r\n\r\n",
    "a version that is none": b"GET /livez HTTP/9.9\r\nhost: shop\r\n\r\n",
    "a path that is not ASCII": "GET /ü HTTP/1.1\r\nhost: shop\r\n\r\n".encode(),
    "a header without a name": b"GET /livez HTTP/1.1\r\n: x\r\n\r\n",
    "a header with NUL": b"GET /livez HTTP/1.1\r\nhost: sh\x00op\r\n\r\n",
    "a length that is a word": b"POST /livez HTTP/1.1\r\ncontent-length: ten\r\n\r\n",
    "a length below zero": b"POST /livez HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    "a length beyond all": b"POST /livez HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n",
    "two lengths": b"POST /livez HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a length and chunks": (
        b"POST /livez HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a chunk that is none": b"POST /livez HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "an encoding that is none": b"POST /livez HTTP/1.1\r\ntransfer-encoding: magic\r\n\r\n",
}


@pytest.mark.parametrize("data", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_is_no_http_ends_the_connection(target: Target, wire: Wire, data: bytes) -> None:
    wire.write(data)
    assert is_problem(await wire.answer(), 400, "malformed")
    assert await wire.until_closed() == b""
    assert (await target.shop.send("GET", "/livez")).status == 200


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize("path", ["shop:443", "?", "", "#", "http://", "http://["])
async def test_a_target_that_is_no_path_is_refused(wire: Wire, path: str) -> None:
    wire.write(request("GET", path) + request("GET", "/livez"))
    assert is_problem(await wire.answer(), 400, "malformed")
    assert await wire.until_closed() == b""


@pytest.mark.usefixtures("target")
async def test_a_head_is_bounded(wire: Wire) -> None:
    """Whoever sends headers for ever is cut off before they fill the memory."""
    wire.write(b"GET /livez HTTP/1.1\r\n" + b"x: %b\r\n" % (b"x" * 8192) * 256)
    assert is_problem(await wire.answer(), 400, "malformed")


async def test_a_client_that_would_rather_speak_http_2_is_served(
    target: Target, wire: Wire
) -> None:
    offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMA"}
    wire.write(request("POST", target.checkout, target.headers() | offer, lines(("LAMP-2", 1))))
    answer = await wire.answer()
    assert is_problem(answer, 404, "unknown-sku")
    assert await wire.serves_on(answer)


# What is not wrong, but seldom


async def test_requests_that_are_sent_together_are_answered_in_order(
    target: Target, wire: Wire
) -> None:
    unknown = lines(("LAMP-2", 1))
    wire.write(
        request("POST", target.checkout, target.headers(), b"{")
        + request("POST", target.checkout, target.headers(), unknown)
        + request("GET", "/nothing")
    )
    answers = [await wire.answer() for _ in range(3)]
    assert [answer.body["code"] for answer in answers] == ["malformed", "unknown-sku", "not-found"]


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on(
    target: Target, wire: Wire
) -> None:
    good = request("POST", target.checkout, target.headers(expect="100-continue"), b"{ }")
    wire.write(good[: -len(b"{ }")])
    assert (await wire.receive_head())[0] == 100
    wire.write(b"{ }")
    assert is_problem(await wire.answer(), 409, "cart-empty")


async def test_a_client_that_will_send_nothing_more_gets_its_answer(
    target: Target, wire: Wire
) -> None:
    wire.write(request("POST", target.checkout, target.headers(), b"{"))
    wire.write_eof()
    assert is_problem(await wire.answer(), 400, "malformed")
    assert await wire.until_closed() == b""


async def test_clients_that_leave_within_a_request_leave_nothing_behind(target: Target) -> None:
    whole = request("POST", target.checkout, target.headers(), GOOD)
    # Up to the byte before the last: a whole request may be admitted.
    for end in (1, 20, len(whole) // 2, len(whole) - len(GOOD), len(whole) - 1):
        async with wired(target.shop.address) as wire:
            wire.write(whole[:end])


async def test_nobody_needs_a_body_for_its_length(target: Target, wire: Wire) -> None:
    wire.write(request("HEAD", f"/v1/sales/{target.sale_id}/stock"))
    status, headers = await wire.receive_head()
    assert (status, int(headers["content-length"]) > 0) == (200, True)
    assert (await wire.send("GET", "/livez")).status == 200


async def test_after_all_of_it_the_sale_is_what_it_was(opened: Target) -> None:
    assert await opened.shop.command("sale", "show", opened.sale_id, "--json") == opened.before
