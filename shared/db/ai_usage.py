"""The tokens that calls to the model take: recorded after every call, limited per day (UTC)."""

from dataclasses import dataclass
from uuid import UUID

from shared.db.database import Database
from shared.errors import AiLimitError
from shared.models import Tokens
from shared.settings import Settings


@dataclass(frozen=True)
class Spent:
    """All that was ever spent, by all existing accounts."""

    calls: int
    tokens: Tokens


_ADD_TO_IMAGE = """
UPDATE images
SET ai_input_tokens = ai_input_tokens + %s, ai_cached_tokens = ai_cached_tokens + %s,
    ai_output_tokens = ai_output_tokens + %s
WHERE id = %s
"""
_ADD_TO_DAY = """
INSERT INTO ai_usage AS u (account_id, day, calls, input_tokens, cached_tokens, output_tokens)
VALUES (%s, (now() AT TIME ZONE 'UTC')::date, 1, %s, %s, %s)
ON CONFLICT (account_id, day) DO UPDATE
SET calls = u.calls + 1, input_tokens = u.input_tokens + excluded.input_tokens,
    cached_tokens = u.cached_tokens + excluded.cached_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens
"""


def record(database: Database, account_id: int, image_id: UUID, tokens: Tokens) -> None:
    """Records the tokens of one call for an image.

    Not fenced, because the call is billed whichever claim commits.
    """
    used = (tokens.input, tokens.cached, tokens.output)
    with database.transaction() as connection:
        connection.execute(_ADD_TO_IMAGE, (*used, image_id))
        connection.execute(_ADD_TO_DAY, (account_id, *used))


_TOKENS_TODAY = """
SELECT coalesce(sum(input_tokens + cached_tokens + output_tokens)
        FILTER (WHERE account_id = %s), 0) AS own,
    coalesce(sum(input_tokens + cached_tokens + output_tokens), 0) AS together
FROM ai_usage WHERE day = (now() AT TIME ZONE 'UTC')::date
"""


def check(database: Database, account_id: int, settings: Settings) -> None:
    """Raises AiLimitError when the account, or all of them, have spent their tokens of today.

    Calls in progress are not counted yet, so the limit may be exceeded by theirs.
    """
    [row] = database.execute(_TOKENS_TODAY, (account_id,))
    if row["own"] >= settings.ai_account_tokens_per_day:
        raise AiLimitError("Today's limit on AI is used up for this account")
    if row["together"] >= settings.ai_tokens_per_day:
        raise AiLimitError("Today's limit on AI is used up for this service")


_SPENT = """
SELECT coalesce(sum(calls), 0)::bigint AS calls,
    coalesce(sum(input_tokens), 0)::bigint AS input,
    coalesce(sum(cached_tokens), 0)::bigint AS cached,
    coalesce(sum(output_tokens), 0)::bigint AS output
FROM ai_usage
"""


def spent(database: Database) -> Spent:
    """Calls and tokens of all accounts so far."""
    [row] = database.execute(_SPENT)
    return Spent(row.pop("calls"), Tokens(**row))
