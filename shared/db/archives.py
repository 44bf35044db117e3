"""What an archive of a session holds: its images in the order in which they ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.db.database import Database, Row
from shared.errors import NotFoundError
from shared.models import Notice


@dataclass(frozen=True)
class ArchiveScope:
    """A session as it is when its archive begins.

    last_number: of the newest image that ended; later ones are not in the archive.
    finished: how many images up to there can be downloaded. complete: none is open.
    """

    session_id: UUID
    account_id: int
    session_name: str
    last_number: int
    finished: int
    complete: bool


@dataclass(frozen=True)
class ArchivedImage:
    """An image that ended. output_key: None where it failed, or where its output has expired."""

    number: int
    batch_id: UUID
    index: int
    folder: str | None
    original_name: str
    original_size: int
    file_name: str
    format: str | None
    width: int | None
    height: int | None
    compressed_size: int | None
    output_key: str | None
    alt_text: str | None
    error_code: str | None
    error_message: str | None
    notices: Sequence[Notice]


_SCOPE = """
SELECT s.id AS session_id, s.account_id, s.name AS session_name, s.last_ended AS last_number,
    (SELECT count(*) FROM images
     WHERE session_id = s.id AND state = 'done' AND output_key IS NOT NULL
        AND replaced_by IS NULL) AS finished,
    NOT EXISTS (SELECT FROM images
     WHERE session_id = s.id AND state NOT IN ('done', 'failed', 'cancelled')) AS complete
FROM sessions AS s WHERE {condition}
"""


def scope_of(database: Database, account_id: int, name: str) -> ArchiveScope:
    """The archive of the account's session; raises NotFoundError without a finished image."""
    return _scope(database, "s.account_id = %s AND s.name = %s", account_id, name)


def scope_of_id(database: Database, session_id: UUID) -> ArchiveScope:
    """The archive of the session with that internal id; raises NotFoundError like `scope_of`."""
    return _scope(database, "s.id = %s", session_id)


def _scope(database: Database, condition: str, *values: object) -> ArchiveScope:
    row = next(iter(database.execute(_SCOPE.format(condition=condition), values)), None)
    if row is None:
        raise NotFoundError("There is no such session")
    if not row["finished"]:
        raise NotFoundError("This session has no finished image to download")
    return ArchiveScope(**row)


_PAGE_IMAGES = 200
# An image that another one stands in for is left out, but not for one that ended after the archive
# began: that one is not in it.
_PAGE = """
SELECT ended_number AS number, batch_id, index, folder, original_name, original_size, file_name,
    format, width, height, compressed_size, output_key, alt_text, error_code, error_message,
    warnings
FROM images AS i
WHERE session_id = %(session_id)s AND ended_number > %(after)s AND ended_number <= %(last)s
    AND (replaced_by IS NULL OR EXISTS (
        SELECT FROM images AS n WHERE n.id = i.replaced_by AND n.ended_number > %(last)s))
ORDER BY ended_number LIMIT %(limit)s
"""


def page_after(database: Database, scope: ArchiveScope, number: int) -> list[ArchivedImage]:
    """The next images of the archive that ended after `number`; none at its end."""
    values = {
        "session_id": scope.session_id,
        "after": number,
        "last": scope.last_number,
        "limit": _PAGE_IMAGES,
    }
    return [_image(row) for row in database.execute(_PAGE, values)]


def _image(row: Row) -> ArchivedImage:
    notices = [Notice(w["code"], w["message"], row["index"]) for w in row.pop("warnings")]
    return ArchivedImage(**row, notices=notices)
