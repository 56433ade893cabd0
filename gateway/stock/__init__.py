"""The stock that is left, streamed to everybody who watches; it goes on while Postgres is down."""
