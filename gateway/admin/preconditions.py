"""Nobody overwrites what they have not seen (RFC 9110, section 13; RFC 6585, section 3)."""

from starlette.requests import Request

from gateway.asgi import header
from gateway.problems import PRECONDITION_FAILED, PRECONDITION_REQUIRED, Refusal


def check(request: Request, etag: str | None) -> None:
    """Compare `If-Match` and `If-None-Match: *` with the ETag of what there is, None for nothing.

    Raises a Refusal: 412 where they differ, 428 where neither was sent and there is something.
    """
    wanted = header(request.scope, b"if-match")
    if header(request.scope, b"if-none-match") == b"*" and etag is not None:
        raise Refusal(PRECONDITION_FAILED.because("It exists already."))
    if wanted is None and etag is not None:
        raise Refusal(PRECONDITION_REQUIRED.because("Read it, and send its ETag as If-Match."))
    if wanted is not None and not _matches(etag, wanted.decode("latin-1")):
        raise Refusal(PRECONDITION_FAILED.because("Read it again: its ETag is another one."))


def _matches(etag: str | None, if_match: str) -> bool:
    """The strong comparison: a weak tag matches nothing."""
    tags = [tag.strip() for tag in if_match.split(",")]
    return etag is not None and (tags == ["*"] or etag in tags)
