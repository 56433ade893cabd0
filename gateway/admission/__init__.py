"""The checkout: from a request to one script call. It works while Postgres is down."""
