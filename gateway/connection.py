"""An HTTP connection of uvicorn, with what the stock stream needs beyond ASGI."""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.stock.stream import ABORT_EXTENSION

# A reader counts as slow when more than this waits for it here; what waits further down is kept
# short by `gateway.listener`.
WRITE_BUFFER_BYTES: Final = 16 * 1024


class Connection(HttpToolsProtocol):
    """Keeps little for a client that does not read, and lets the application drop it."""

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self.scope["extensions"] = {ABORT_EXTENSION: {"call": self.transport.abort}}
