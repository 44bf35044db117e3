"""The file names and folders of a session, unique also on file systems that ignore case.

A row is a path that is taken, case-folded: by a file, or by a folder, whose own path it then has.
In both functions the caller has locked the session's row.
"""

from collections.abc import Iterable
from itertools import count
from uuid import UUID

from shared.db.database import Connection, one
from shared.imagetype import ImageType
from shared.naming import file_name, folded, path_of

_NEXT_NUMBER = """
UPDATE file_names SET next_number = next_number + 1
WHERE session_id = %s AND folded = %s RETURNING next_number - 1 AS number
"""


def take(
    connection: Connection, session_id: UUID, folder: str | None, stem: str, format: ImageType
) -> str:
    """Reserves and returns a file name that is new in the folder; a used stem gets a number."""
    number = 1
    first = folded(path_of(folder, file_name(stem, format)))
    while not _is_new(connection, session_id, path_of(folder, file_name(stem, format, number))):
        row = connection.execute(_NEXT_NUMBER, (session_id, first)).fetchone()
        number = one(row)["number"]
    return file_name(stem, format, number)


_INSERT = """
INSERT INTO file_names (session_id, folded, folder) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""


def _is_new(
    connection: Connection, session_id: UUID, path: str, *, is_folder: bool = False
) -> bool:
    values = (session_id, folded(path), path if is_folder else None)
    return bool(connection.execute(_INSERT, values).rowcount)


def take_folders(
    connection: Connection, session_id: UUID, folders: Iterable[str | None]
) -> list[str | None]:
    """Returns each folder as the session spells it: as it was written when it was first sent."""
    known: dict[str | None, str | None] = {None: None}
    found = []
    for folder in folders:
        if folder not in known:
            known[folder] = _take_levels(connection, session_id, folder or "")
        found.append(known[folder])
    return found


def _take_levels(connection: Connection, session_id: UUID, folder: str) -> str | None:
    path: str | None = None
    for name in folder.split("/"):
        path = _take_folder(connection, session_id, path_of(path, name))
    return path


_FOLDER = "SELECT folder FROM file_names WHERE session_id = %s AND folded = %s"
_NOTE_FOLDER = "UPDATE file_names SET folder = %s WHERE session_id = %s AND folded = %s"


def _take_folder(connection: Connection, session_id: UUID, path: str) -> str:
    if _is_new(connection, session_id, path, is_folder=True):
        return path
    key = (session_id, folded(path))
    spelled: str | None = one(connection.execute(_FOLDER, key).fetchone())["folder"]
    if spelled is not None:
        return spelled
    # A file has the name: without another one, no file system could hold both.
    numbered = (f"{path}-{number}" for number in count(2))
    spelled = next(p for p in numbered if _is_new(connection, session_id, p, is_folder=True))
    connection.execute(_NOTE_FOLDER, (spelled, *key))
    return spelled
