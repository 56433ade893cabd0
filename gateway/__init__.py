"""The ASGI application: HTTP in, one script call out."""
