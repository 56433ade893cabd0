"""Tokens of thousands of buyers, made before anything is measured."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

SECRET: Final = "a key that only this benchmark knows"  # noqa: S105 (it guards nothing)
ISSUER: Final = "doorbuster"
AUDIENCE: Final = "doorbuster"
LIFETIME_SECONDS: Final = 24 * 60 * 60


class Tokens:
    """A file of tokens, one a line and all of one length, each of another buyer."""

    def __init__(self, folder: Path, algorithm: str) -> None:
        self.algorithm = algorithm
        self.file = folder / f"tokens-{algorithm}.txt"
        self._count = 0
        self._expires_at = int(time.time()) + LIFETIME_SECONDS
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._sign = self._sign_hs256 if algorithm == "HS256" else self._sign_es256
        self.file.write_bytes(b"")

    @property
    def verification_key(self) -> str:
        """What verifies them: the secret, or the public key as PEM."""
        if self.algorithm == "HS256":
            return SECRET
        public = self._key.public_key()
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return public.public_bytes(encoding, form).decode()

    def prepare(self, count: int) -> None:
        """Have at least so many."""
        if self._count < count:
            with self.file.open("ab") as file:
                file.writelines(self._line(number) for number in range(self._count, count))
            self._count = count

    def first(self, count: int) -> list[bytes]:
        """The first ones, made as needed."""
        self.prepare(count)
        with self.file.open("rb") as file:
            return [line.strip() for line in islice(file, count)]

    def _line(self, number: int) -> bytes:
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": f"buyer-{number:08}",
            "exp": self._expires_at,
        }
        head = _base64(json.dumps({"alg": self.algorithm, "typ": "JWT"}).encode())
        signed = head + b"." + _base64(json.dumps(claims).encode())
        return signed + b"." + _base64(self._sign(signed)) + b"\n"

    def _sign_hs256(self, signed: bytes) -> bytes:
        return hmac.digest(SECRET.encode(), signed, sha256)

    def _sign_es256(self, signed: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def token_store(folder: Path) -> Callable[[str], Tokens]:
    """Return what gives the tokens of an algorithm, the same for all subjects of a run."""
    made: dict[str, Tokens] = {}

    def of(algorithm: str) -> Tokens:
        if algorithm not in made:
            made[algorithm] = Tokens(folder, algorithm)
        return made[algorithm]

    return of


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
