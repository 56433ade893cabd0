"""Which tokens are believed: correctly signed ones, for us, in their time, and no others."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from minting import AUDIENCE, HEADER, ISSUER, NOW, SECRET, base64url, claims, mint

from gateway.identity import Customer, StaticKey, Tokens
from gateway.identity.tokens import LEEWAY_SECONDS, REMEMBERED_SECONDS
from gateway.problems import Refusal


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class CountingKey(StaticKey):
    """Counts how often a signature is verified; both ways to the key lead through here."""

    asked = 0

    def known(self, key_id: str | None) -> Key:
        self.asked += 1
        return super().known(key_id)

    def replace(self, secret: str) -> None:
        """The issuer signs with another secret from now on."""
        self._key = StaticKey(secret, "HS256")._key


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def key() -> CountingKey:
    return CountingKey(SECRET, "HS256")


@pytest.fixture
def tokens(key: CountingKey, clock: Clock) -> Tokens:
    return tokens_of(key, clock)


def tokens_of(key: StaticKey, clock: Clock, algorithm: str = "HS256") -> Tokens:
    return Tokens(key, algorithm=algorithm, issuer=ISSUER, audience=AUDIENCE, clock=clock)


async def refusal_of(tokens: Tokens, token: bytes) -> str:
    """The detail of the refusal; whatever is refused is a 401 that repeats nothing of the token."""
    with pytest.raises(Refusal) as caught:
        await tokens.verify(token)
    problem = caught.value.problem
    assert (problem.status, problem.code) == (401, "unauthenticated")
    assert (b"www-authenticate", b'Bearer error="invalid_token"') in problem.header_lines()
    return problem.detail


async def outcome(tokens: Tokens, token: bytes) -> str | int:
    """Whom the token names, or the status of its refusal."""
    try:
        return (await tokens.verify(token)).subject
    except Refusal as refusal:
        return refusal.problem.status


# Good tokens


async def test_a_good_token_names_its_customer(tokens: Tokens) -> None:
    assert await tokens.verify(mint(claims())) == Customer(issuer=ISSUER, subject="ada")


async def test_a_token_may_be_for_others_too(tokens: Tokens) -> None:
    token = mint(claims(aud=["warehouse", AUDIENCE]))
    assert (await tokens.verify(token)).subject == "ada"


async def test_header_parameters_that_nobody_knows_are_ignored(tokens: Tokens) -> None:
    token = mint(claims(), HEADER | {"cat": "session", "kid": "2026-11", "x5t": "AAAA"})
    assert (await tokens.verify(token)).subject == "ada"


@pytest.mark.parametrize(
    "subject", ["x", "x" * 255, "Zoë", "山田", "auth0|5f7c", "a b", "🛒" * 255]
)
async def test_any_storable_subject_will_do(tokens: Tokens, subject: str) -> None:
    assert (await tokens.verify(mint(claims(sub=subject)))).subject == subject


@pytest.mark.parametrize(
    ("algorithm", "private"),
    [
        ("RS256", RSAKey.generate_key(2048)),
        ("PS256", RSAKey.generate_key(2048)),
        ("ES256", ECKey.generate_key("P-256")),
        ("EdDSA", OKPKey.generate_key("Ed25519")),
    ],
)
async def test_public_keys_verify(
    algorithm: str, private: RSAKey | ECKey | OKPKey, clock: Clock
) -> None:
    pem = private.as_pem(private=False).decode()
    tokens = tokens_of(StaticKey(pem, algorithm), clock, algorithm)
    token = jwt.encode({"alg": algorithm}, claims(), private, [algorithm])
    assert (await tokens.verify(token.encode())).subject == "ada"


# Signatures


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_a_token_that_was_touched_is_refused(tokens: Tokens, part: int) -> None:
    other = mint(claims(sub="eve"), {"alg": "HS256"}, secret=SECRET[::-1]).split(b".")
    parts = mint(claims()).split(b".")
    parts[part] = other[part]
    assert "signature does not fit" in await refusal_of(tokens, b".".join(parts))


async def test_a_token_without_a_signature_is_refused(tokens: Tokens) -> None:
    for name in ("none", "None", "NONE"):
        header, payload, _ = mint(claims(), {"alg": name}).split(b".")
        await refusal_of(tokens, header + b"." + payload + b".")
    header, payload, _ = mint(claims()).split(b".")
    await refusal_of(tokens, header + b"." + payload + b".")


async def test_no_other_algorithm_is_taken_from_the_token(tokens: Tokens) -> None:
    other = jwt.encode({"alg": "HS512"}, claims(), OctKey.import_key(SECRET), ["HS512"])
    await refusal_of(tokens, other.encode())


async def test_a_public_key_is_never_a_secret(clock: Clock) -> None:
    pem = RSAKey.generate_key(2048).as_pem(private=False).decode()
    tokens = tokens_of(StaticKey(pem, "RS256"), clock, "RS256")
    await refusal_of(tokens, mint(claims(), {"alg": "HS256"}, secret=pem))
    await refusal_of(tokens, mint(claims(), {"alg": "RS256"}, secret=pem))


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"jku": "https://eve.example/keys"},
        {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
        {"x5u": "https://eve.example/certificate"},
        {"x5c": ["AAAA"]},
    ],
    ids=str,
)
async def test_a_token_must_not_bring_its_own_rules_or_keys(
    tokens: Tokens, extra: dict[str, object]
) -> None:
    await refusal_of(tokens, mint(claims(), HEADER | extra))


# Claims


@pytest.mark.parametrize("issuer", ["https://eve.example", "", ISSUER + "/", [ISSUER], 1, None])
async def test_another_issuer_is_refused(tokens: Tokens, issuer: object) -> None:
    assert "iss" in await refusal_of(tokens, mint(claims(iss=issuer)))


@pytest.mark.parametrize("audience", ["warehouse", "", [], ["warehouse"], {AUDIENCE: 1}, None])
async def test_another_audience_is_refused(tokens: Tokens, audience: object) -> None:
    assert "aud" in await refusal_of(tokens, mint(claims(aud=audience)))


@pytest.mark.parametrize(
    "subject",
    [
        None,
        "",
        "x" * 256,
        "nul\0",
        "line\n",
        "\x7f",
        "\x85",
        "\ud800",
        "ada\udfff",
        7,
        ["ada"],
        {"sub": "ada"},
        True,
    ],
    ids=repr,
)
async def test_a_subject_that_cannot_be_stored_is_refused(tokens: Tokens, subject: object) -> None:
    await refusal_of(tokens, mint(claims(sub=subject)))


async def test_an_expired_token_is_told_so(tokens: Tokens, clock: Clock) -> None:
    token = mint(claims())
    clock.now += 600 + LEEWAY_SECONDS
    assert await refusal_of(tokens, token) == "The token has expired."


async def test_clocks_may_differ_a_little(tokens: Tokens, clock: Clock) -> None:
    clock.now += 600 + LEEWAY_SECONDS - 1
    assert (await tokens.verify(mint(claims()))).subject == "ada"
    assert await tokens.verify(mint(claims(exp=clock.now + 600, nbf=clock.now + LEEWAY_SECONDS)))


async def test_a_token_is_refused_before_its_time(tokens: Tokens, clock: Clock) -> None:
    early = mint(claims(nbf=int(clock.now) + LEEWAY_SECONDS + 1))
    assert "not yet valid" in await refusal_of(tokens, early)


@pytest.mark.parametrize("expires", ["1e400", "-1", "0", "NaN", "Infinity", '"9999999999"', "true"])
async def test_a_token_without_a_real_end_is_refused(tokens: Tokens, expires: str) -> None:
    payload = json.dumps(claims(exp=0)).replace('"exp": 0', f'"exp": {expires}').encode()
    await refusal_of(tokens, mint(payload))
    await refusal_of(tokens, mint(claims(exp=None)))


async def test_a_token_for_ages_is_good(tokens: Tokens) -> None:
    assert (await tokens.verify(mint(claims(exp=10**400)))).subject == "ada"


# What is no token at all


@pytest.mark.parametrize("payload", [[], "text", 1, None, True, [claims()]], ids=repr)
async def test_claims_that_are_no_object_are_refused(tokens: Tokens, payload: object) -> None:
    await refusal_of(tokens, mint(payload))


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe", b"[" * 5000, b"\xef\xbb\xbf{}"])
async def test_claims_that_are_no_json_are_refused(tokens: Tokens, payload: bytes) -> None:
    await refusal_of(tokens, mint(payload))


@pytest.mark.parametrize("header", [[], ["alg"], ["alg", "b64"], "alg", "alg b64", 1, None, {}])
async def test_a_header_that_is_no_object_is_refused(tokens: Tokens, header: object) -> None:
    await refusal_of(tokens, mint(claims(), header))


@pytest.mark.parametrize("kid", [1, None, ["a"], {"a": 1}, ""], ids=repr)
async def test_a_strange_key_id_does_no_harm(tokens: Tokens, kid: object) -> None:
    assert await outcome(tokens, mint(claims(), HEADER | {"kid": kid})) in ("ada", 401)


@given(st.binary(max_size=300))
async def test_no_bytes_cause_anything_but_a_refusal(token: bytes) -> None:
    await refusal_of(tokens_of(StaticKey(SECRET, "HS256"), Clock()), token)


TEXT = st.text("aZ9 .\0\n\x7fé山\ud800", max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
CLAIMS = st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "jti"])
PARAMETERS = st.sampled_from(["alg", "typ", "kid", "cty", "crit", "b64", "zip", "enc"])


@given(st.dictionaries(CLAIMS, JSON), st.dictionaries(PARAMETERS, JSON))
async def test_no_claims_and_no_header_cause_anything_but_a_refusal(
    changes: dict[str, object], parameters: dict[str, object]
) -> None:
    tokens = tokens_of(StaticKey(SECRET, "HS256"), Clock())
    found = await outcome(tokens, mint(claims() | changes, HEADER | parameters))
    assert found == 401 or isinstance(found, str)


@given(st.text("0123456789abcdef", min_size=12, max_size=40))
async def test_no_refusal_repeats_anything_of_the_token(secret: str) -> None:
    tokens = tokens_of(StaticKey(SECRET, "HS256"), Clock())
    for name in ("iss", "aud", "sub", "exp"):
        token = mint(claims(**{name: [secret]}), HEADER | {"kid": secret})
        assert secret not in await refusal_of(tokens, token)
    assert secret not in await refusal_of(tokens, mint(claims(), {"alg": secret}))


# What is remembered


async def test_a_token_is_verified_once_and_believed_for_a_while(
    tokens: Tokens, key: CountingKey, clock: Clock
) -> None:
    token = mint(claims())
    assert await tokens.verify(token) == await tokens.verify(token)
    assert key.asked == 1
    clock.now += REMEMBERED_SECONDS
    await tokens.verify(token)
    assert key.asked == 2


async def test_a_remembered_token_still_expires(tokens: Tokens, clock: Clock) -> None:
    token = mint(claims(exp=int(clock.now) + 10))
    await tokens.verify(token)
    clock.now += 10 + LEEWAY_SECONDS
    assert await refusal_of(tokens, token) == "The token has expired."


async def test_a_refused_token_is_not_remembered_as_good(tokens: Tokens) -> None:
    good = mint(claims())
    await tokens.verify(good)
    await refusal_of(tokens, good[:-4] + base64url(b"eve"))


# What is plain is decided here, and everything else by joserfc


CLAIM_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([ISSUER, AUDIENCE, "", "ada", [AUDIENCE], [AUDIENCE, "b"], [], {}]),
    st.sampled_from([int(NOW) + delta for delta in (-600, -6, -5, -4, 0, 4, 5, 6, 600)]),
    st.sampled_from([NOW - 6.5, NOW + 6.5, 0, -1]),
)
CLAIM_NAMES = st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "role"])


@example({"exp": int(NOW) - LEEWAY_SECONDS})
@example({"nbf": int(NOW) + LEEWAY_SECONDS + 1})
@example({"iat": int(NOW) + LEEWAY_SECONDS + 1})
@example({"iat": None})
@example({"jti": 1})
@example({"exp": True})
@given(st.dictionaries(CLAIM_NAMES, CLAIM_VALUES, max_size=3))
async def test_what_is_plain_is_good_for_joserfc_too(changes: dict[str, object]) -> None:
    """A header that was seen before leads to the short way, another one to the long way."""
    tokens = Tokens(
        StaticKey(SECRET, "HS256"),
        algorithm="HS256",
        issuer=ISSUER,
        audience=AUDIENCE,
        clock=lambda: NOW,
    )
    await tokens.verify(mint(claims()))
    told: dict[str, object] = claims() | changes
    rules = jwt.JWTClaimsRegistry(
        now=int(NOW),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
        sub={"essential": True},
    )
    try:
        rules.validate(told)
    except JoseError:
        with pytest.raises(Refusal):
            tokens.verify_at_once(mint(told))
    else:
        assert tokens.verify_at_once(mint(told)) is not None


async def test_a_known_header_vouches_for_no_signature(tokens: Tokens) -> None:
    good = mint(claims())
    await tokens.verify(good)
    header, payload, signature = mint(claims(sub="eve")).split(b".")
    for forged in (good.rpartition(b".")[2], b"", signature[:-1], signature + b"A", b"=" * 43):
        with pytest.raises(Refusal):
            tokens.verify_at_once(b".".join([header, payload, forged]))


async def test_a_key_that_was_taken_back_verifies_nothing_more(clock: Clock) -> None:
    key = CountingKey(SECRET, "HS256")
    tokens = tokens_of(key, clock)
    await tokens.verify(mint(claims()))
    key.replace("another secret of more than 32 bytes, as it must be")
    with pytest.raises(Refusal):
        await tokens.verify(mint(claims(sub="eve")))
