"""The file names of a session: each is unique, also on file systems that ignore case."""

from uuid import UUID

from shared.db.database import Connection, one
from shared.imagetype import ImageType
from shared.naming import file_name, folded

_NEXT_NUMBER = """
UPDATE file_names SET next_number = next_number + 1
WHERE session_id = %s AND folded = %s RETURNING next_number - 1 AS number
"""


def take(connection: Connection, session_id: UUID, stem: str, format: ImageType) -> str:
    """Reserves and returns a file name that is new in the session; a used stem gets a number.

    The caller has locked the session's row.
    """
    number = 1
    first = folded(file_name(stem, format))
    while not _is_new(connection, session_id, file_name(stem, format, number)):
        row = connection.execute(_NEXT_NUMBER, (session_id, first)).fetchone()
        number = one(row)["number"]
    return file_name(stem, format, number)


_INSERT = "INSERT INTO file_names (session_id, folded) VALUES (%s, %s) ON CONFLICT DO NOTHING"


def _is_new(connection: Connection, session_id: UUID, name: str) -> bool:
    return bool(connection.execute(_INSERT, (session_id, folded(name))).rowcount)
