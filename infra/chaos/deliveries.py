"""What clients get in the end, compared with the rows; and what is left in the store."""

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from PIL import Image as Picture

from fluximage import FluximageError, Image, NotFound, SessionPage
from infra.chaos.environment import Environment, eventually
from infra.chaos.load import Customer
from shared.clients.object_store import ObjectStore, inputs_prefix
from shared.db.database import Row
from workers import sweep
from workers.kept_inputs import kept_keys

_CLEANUP_SECONDS = 60.0
_READERS = 4

_SELECT_IMAGES = """
SELECT id, state, output_key FROM images
"""
_SELECT_BATCHES = """
SELECT id FROM batches
"""
_EXPIRE_OUTPUTS = """
UPDATE batches SET closed_at = closed_at - make_interval(secs => %s)
"""


def violations(environment: Environment, customers: Sequence[Customer]) -> list[str]:
    """What is wrong with the answers: missing or repeated images, files that do not open."""
    with environment.services.database.transaction() as connection:
        rows = connection.execute(_SELECT_IMAGES).fetchall()
    keys = {str(row["id"]): row["output_key"] for row in rows if row["state"] == "done"}
    failed = sum(row["state"] == "failed" for row in rows)
    data: list[tuple[Customer, Image]] = []
    errors = 0
    for customer in customers:
        for page in _pages(customer):
            data += [(customer, image) for image in page.images]
            errors += len(page.errors)
    found = []
    if sorted(image.id for _, image in data) != sorted(keys) or errors != failed:
        found.append(
            f"polls returned {len(data)} images and {errors} errors for {len(keys)} and {failed}"
        )
    with ThreadPoolExecutor(_READERS) as pool:
        wrong = list(
            filter(None, pool.map(lambda one: _fault(one[0], one[1], keys.get(one[1].id)), data))
        )
    if wrong:
        found.append(f"{len(wrong)} files are wrong, such as: {wrong[0]}")
    return found


def _pages(customer: Customer) -> Iterator[SessionPage]:
    cursor: str | None = None
    while True:
        try:
            page = customer.client.session(customer.session, cursor=cursor)
        except NotFound:  # this customer has sent nothing
            return
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return


def _fault(customer: Customer, image: Image, key: str | None) -> str | None:
    """What is wrong with one delivered image, compared with its row's key and its answer."""
    if not key or not urlsplit(image.url).path.endswith(key):
        return f"image {image.id} is not served from {key}"
    file = io.BytesIO()
    try:
        customer.client.download(image, file)  # which compares its bytes
        with Picture.open(file) as opened:
            opened.load()
            found = (opened.width, opened.height)
    except (OSError, FluximageError) as error:
        return f"image {image.id} cannot be downloaded: {error!r}"
    said = (image.width, image.height)
    return None if found == said else f"image {image.id} is {found}, not {said}"


def violations_in_store(environment: Environment) -> list[str]:
    """What stays in the store too long: inputs that no retry needs, outputs that have expired."""
    services, found = environment.services, []
    batches = _batches(environment)

    def is_tidy() -> bool:
        sweep.sweep(services)
        return not any(
            services.store.last_modified(inputs_prefix(batch["id"]))
            for batch in batches
            if not kept_keys(services.database, batch["id"])
        )

    if not eventually(is_tidy, _CLEANUP_SECONDS):
        found.append("originals of batches that have ended are still stored")
    with services.database.transaction() as connection:
        connection.execute(_EXPIRE_OUTPUTS, (services.settings.output_seconds + 1,))

    def is_empty() -> bool:
        sweep.sweep(services)
        sweep.delete_orphans(services.database, services.store, older_seconds=0)
        return not _with_objects(services.store)

    if not eventually(is_empty, _CLEANUP_SECONDS):
        found.append(f"stored for ever: {_with_objects(services.store)}")
    return found


def _with_objects(store: ObjectStore) -> list[str]:
    """What has objects. A worker that is killed while it writes leaves an empty folder in the
    embedded store, which counts as a prefix.
    """
    return sorted(name for name in set(store.list_batches()) if store.last_modified(f"{name}/"))


def _batches(environment: Environment) -> list[Row]:
    with environment.services.database.transaction() as connection:
        return connection.execute(_SELECT_BATCHES).fetchall()
