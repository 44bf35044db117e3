"""The end of the second step: an image and what the model wrote about it.

Without a text the image is delivered too: under its original name, with a warning, and its AI
credit is released.
"""

from shared.db import credits, file_names, image_states
from shared.db.database import Connection, Database, Row
from shared.db.images import ImageEnded, count_end, next_ended_number
from shared.imagetype import ImageType
from shared.models import ClaimRef, Description, Notice


def complete(
    database: Database, claim: ClaimRef, description: Description, notice: Notice | None
) -> ImageEnded | None:
    """Ends the image as done, with its texts; returns None, without any effect, for a lost claim.

    notice: why something that was wanted is missing; then the AI credit is released.
    """
    with database.transaction() as connection:
        ended_number = next_ended_number(connection, claim.session_id)
        row = image_states.save_description(connection, claim, description, notice, ended_number)
        if row is None:
            return None
        if description.stem is not None:
            _rename(connection, claim, description.stem, row)
        brings_text = notice is None or description != Description()
        ended = count_end(connection, claim, brings_text=brings_text)
        credits.spend(connection, claim.image_id, "image")
        if notice is None:
            credits.spend(connection, claim.image_id, "ai")
        else:
            credits.release(connection, [claim.image_id])
        return ended


def postpone(
    database: Database,
    claim: ClaimRef,
    wait_seconds: float = 0.0,
    *,
    attempt_counts: bool = False,
) -> bool:
    """Ends the claim; the sweep sends the image again after `wait_seconds`.

    attempt_counts: whether this was one of the image's attempts. Returns False when the claim was
    lost.
    """
    with database.transaction() as connection:
        return image_states.postpone_description(
            connection, claim, wait_seconds, attempt_counts=attempt_counts
        )


_RENAME = "UPDATE images SET file_name = %s WHERE id = %s"


def _rename(connection: Connection, claim: ClaimRef, stem: str, image: Row) -> None:
    """Within the image's folder, under the session's lock, so that no other takes the name."""
    format = ImageType(image["format"])
    name = file_names.take(connection, claim.session_id, image["folder"], stem, format)
    connection.execute(_RENAME, (name, claim.image_id))
