"""Real servers as child processes under one data directory: no other software is needed."""

from infra.embedded.stack import Stack, database_url, remove, temporary

__all__ = ["Stack", "database_url", "remove", "temporary"]
