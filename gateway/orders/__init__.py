"""What becomes of a reservation, streamed to its buyer."""
