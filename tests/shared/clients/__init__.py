"""The clients of our servers: object store, signed URLs and pub/sub, against the real servers.

The in-memory object store passes the same tests. The queue's behaviour under faults is tested in
tests/workers and tests/infra/chaos.
"""
