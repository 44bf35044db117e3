"""Every attack: a function each, whose docstring says what it does."""

from infra.attacks.attacks.cost import hostile_png, stored_bytes, tiny_webps, work_of_an_hour
from infra.attacks.attacks.machine import (
    folder_of_another_user,
    images_that_wait_for_memory,
    take_folders,
)
from infra.attacks.attacks.queue import large_backlog, own_bulk, ten_accounts
from infra.attacks.attacks.sockets import (
    event_listeners,
    idle_connections,
    refused_bodies,
    slow_bodies,
    slow_bodies_without_credit,
    slow_heads,
    waiting_reads,
)
from infra.attacks.run import Attack

_ALL = (
    Attack(hostile_png, {"FLUXIMAGE_TASK_LIMIT_SECONDS": "60", "FLUXIMAGE_LEASE_SECONDS": "75"}),
    Attack(tiny_webps),
    Attack(large_backlog),
    Attack(ten_accounts),
    Attack(own_bulk),
    Attack(images_that_wait_for_memory, {"FLUXIMAGE_MEMORY_MB": "1500"}),
    Attack(idle_connections),
    Attack(slow_heads),
    Attack(slow_bodies_without_credit),
    Attack(slow_bodies),
    Attack(refused_bodies),
    Attack(waiting_reads),
    Attack(event_listeners),
    Attack(
        stored_bytes, {"FLUXIMAGE_STORAGE_GB": "free=0.001, starter=0.001, pro=500, agency=2000"}
    ),
    Attack(work_of_an_hour),
    Attack(folder_of_another_user, before=take_folders),
)
ATTACKS = {attack.name: attack for attack in _ALL}
