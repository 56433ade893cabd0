"""What operators do, over HTTP and from the command line; every act is logged with who did it."""
