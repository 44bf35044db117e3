"""How much of a batch is stored. A trigger sums it for the account, in `accounts.stored_bytes`."""

from uuid import UUID

from shared.db.database import NOT_DURABLE, Connection
from shared.errors import ImageError, codes_for_retry
from shared.models import Result

_ADD = """
UPDATE batches SET input_bytes = input_bytes + %s, output_bytes = output_bytes + %s WHERE id = %s
"""


def add(connection: Connection, batch_id: UUID, result: Result) -> None:
    """Counts what an image became that has not ended yet (`images.complete` counts others).

    Its preview is deleted with the inputs.
    """
    connection.execute(_ADD, (result.preview_size, result.size, batch_id))


# Originals that a retry needs are deleted with the outputs.
_NOTE_INPUTS_DELETED = f"""
UPDATE batches AS b SET inputs_deleted_at = now(), output_bytes = output_bytes + (
    SELECT coalesce(sum(original_size), 0) FROM images
    WHERE batch_id = b.id AND state = 'failed' AND error_code = ANY(%s))
WHERE id = %s AND inputs_deleted_at IS NULL AND {NOT_DURABLE}
"""  # noqa: S608 - our own constant


def note_inputs_deleted(batch_id: UUID) -> tuple[str, tuple[object, ...]]:
    """Statement and values that record that a batch's originals are deleted, but for those that a
    retry needs.
    """
    return _NOTE_INPUTS_DELETED, (codes_for_retry(ImageError), batch_id)
