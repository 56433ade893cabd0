"""The command line, the settings, and the composition of every process."""
