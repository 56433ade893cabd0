"""An issuer that publishes its keys on a real HTTP server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc import jwt
from joserfc.jwk import ECKey
from minting import claims


class Issuer:
    """What the server answers next, and how often it was asked."""

    url: str

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b""
        self.asked = 0
        self.pause_seconds = 0.0  # after each byte of the body
        # A test clears it to let a request wait, and sets it to let it go on.
        self.answers = threading.Event()
        self.answers.set()

    def publish(self, *keys: dict[str, object]) -> None:
        """Answer with these keys from now on."""
        self.status, self.body = 200, json.dumps({"keys": keys}).encode()

    def fail(self, status: int = 503) -> None:
        """Answer with an error from now on."""
        self.status, self.body = status, b""


def new_key(key_id: str) -> ECKey:
    """A key to sign with."""
    return ECKey.generate_key("P-256", parameters={"kid": key_id})


def public(key: ECKey, **parameters: object) -> dict[str, object]:
    """What an issuer publishes of it."""
    return {**key.as_dict(private=False), **parameters}


def signed(key: ECKey, **changes: object) -> bytes:
    """A token that names its key."""
    header = {"alg": "ES256", "kid": key.kid}
    return jwt.encode(header, claims(**changes), key, ["ES256"]).encode()


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """An issuer on a port of its own."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            issuer.answers.wait(10)
            self.send_response(issuer.status)
            for name, value in issuer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(issuer.body)))
            self.end_headers()
            if not issuer.pause_seconds:
                self.wfile.write(issuer.body)
                return
            with suppress(BrokenPipeError):
                for byte in issuer.body:
                    self.wfile.write(bytes([byte]))
                    threading.Event().wait(issuer.pause_seconds)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
            """Nothing: a test's output is for failures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}/keys"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        issuer.answers.set()
        server.shutdown()
        thread.join()
        server.server_close()
