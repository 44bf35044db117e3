"""What the processes of an earlier `fluximage up` still hold, given back at the next start.

After a second Ctrl-C, or a kill -9, their claims would last until the leases end, minutes later,
and the broker would keep for hours what they had fetched and not finished.
"""

from collections.abc import Collection

from shared.clients.celery_queue import Queue, celery_app
from shared.db import upkeep, webhook_calls
from shared.db.database import Database
from shared.settings import Settings


def free_what_the_dead_held(database: Database, settings: Settings, ours: Collection[str]) -> None:
    """Ends every claim, and puts every fetched message back, where only our processes can have any.

    To be called with the lock of the data directory, before a worker starts: the lock is free
    only when every process of the earlier start has ended, and an embedded server serves nobody
    else. ours: the settings of those servers that are embedded; others may have workers elsewhere.
    """
    if "DATABASE_URL" in ours:
        upkeep.end_all_leases(database)
        webhook_calls.end_all_claims(database)
    if "REDIS_URL" in ours:
        Queue(celery_app(settings)).put_back_fetched()
