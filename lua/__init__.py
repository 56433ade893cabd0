"""Everything that runs inside Redis, and the one typed door to it."""
