"""Everything that runs inside Postgres, and the one typed door to it."""
