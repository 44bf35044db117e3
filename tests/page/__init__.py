"""The page, as people use it: the system's Chromium against the running service."""
