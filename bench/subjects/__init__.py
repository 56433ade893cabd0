"""What is measured: each starts its own processes on a ground of its own."""
