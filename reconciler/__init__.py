"""The background service: the stream in, the ledger out; expiry, returns, recovery, audit."""
