"""Every statement of shared/db against a real Postgres.

Above all what must hold when several callers race: credits, claims, names, idempotency keys, and
the moves between the states of an image. Here is no HTTP and no encoding.
"""
