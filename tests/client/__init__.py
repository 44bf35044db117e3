"""The Python client and its command line, against the running service."""
