"""Real servers as child processes under one data directory: nothing else has to be installed."""

from infra.embedded.stack import Stack, database_url, remove, temporary

__all__ = ["Stack", "database_url", "remove", "temporary"]
