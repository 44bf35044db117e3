"""Databases of every older version are migrated and read by today's code, on a real Postgres.

The old rows are written out word for word. Today's statements are tested in tests/shared.
"""
