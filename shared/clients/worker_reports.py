"""What workers for pixels on any machine say of themselves, for `/health/ready` to read.

A report ends by itself soon after its worker. Redis may lose all: they come again in seconds.
"""

import redis

_ALL = "fluximage:workers"  # the names of those that have reported; some may be gone
_ONE = "fluximage:worker:{}"  # why it does no work, or ""
_GOOD_SECONDS = 30


def report(client: redis.Redis, worker: str, fault: str) -> None:
    """Says that this worker lives. fault: why it does no work, or "". Raises redis.RedisError."""
    with client.pipeline(transaction=False) as pipeline:
        pipeline.set(_ONE.format(worker), fault, ex=_GOOD_SECONDS)
        pipeline.sadd(_ALL, worker)
        pipeline.execute()


def faults(client: redis.Redis) -> tuple[dict[str, str], bool]:
    """The workers that do no work, and why; and whether any other one lives.

    Raises redis.RedisError.
    """
    names = sorted(map(str, client.smembers(_ALL)))
    if not names:
        return {}, False
    answers = client.mget([_ONE.format(name) for name in names])
    said = {
        name: str(fault) for name, fault in zip(names, answers, strict=True) if fault is not None
    }
    if gone := set(names) - set(said):
        client.srem(_ALL, *gone)
    return {name: fault for name, fault in said.items() if fault}, "" in said.values()
