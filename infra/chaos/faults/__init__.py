"""Every fault that can be injected: a function each, whose docstring says what it does."""

from infra.chaos.experiment import Fault
from infra.chaos.faults.broker import crash_broker, cut_connections, empty_broker, fill_broker
from infra.chaos.faults.describing import kill_describers
from infra.chaos.faults.poisoning import poison
from infra.chaos.faults.postgres import crash_postgres
from infra.chaos.faults.publishing import cut_publishing
from infra.chaos.faults.races import repeat_request, spend_last_credits
from infra.chaos.faults.store import fail_store
from infra.chaos.faults.waiters import hang_up
from infra.chaos.faults.workers import (
    kill_express,
    kill_measurers,
    kill_workers,
    pause_workers,
    restart_service,
)

_ALL: tuple[Fault, ...] = (
    kill_workers,
    kill_measurers,
    kill_express,
    pause_workers,
    restart_service,
    poison,
    empty_broker,
    fill_broker,
    crash_broker,
    cut_connections,
    cut_publishing,
    crash_postgres,
    fail_store,
    kill_describers,
    repeat_request,
    spend_last_credits,
    hang_up,
)
FAULTS = {fault.__name__: fault for fault in _ALL}
