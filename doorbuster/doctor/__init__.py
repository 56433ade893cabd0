"""What `doorbuster doctor` looks at: facts are read in one place, and judged by pure functions."""
