"""Server-sent events to thousands of clients, whatever they are about."""
