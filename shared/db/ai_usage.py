"""What the model costs, in its provider's tokens: noted after every call, and limited by day."""

from dataclasses import dataclass
from uuid import UUID

from shared.db.database import Database, one
from shared.errors import AiLimitError
from shared.models import Tokens
from shared.settings import Settings

_TODAY = "(now() AT TIME ZONE 'UTC')::date"
_SUM = "coalesce(sum(input_tokens + cached_tokens + output_tokens){}, 0)"


@dataclass(frozen=True)
class Spent:
    """All that was ever spent, by all accounts there are."""

    calls: int
    tokens: Tokens


def note(database: Database, account_id: int, image_id: UUID, tokens: Tokens) -> None:
    """One call more, for an image. Not fenced: it was paid whoever wins the image."""
    with database.transaction() as connection:
        connection.execute(
            "UPDATE images SET ai_input_tokens = ai_input_tokens + %s,"
            " ai_cached_tokens = ai_cached_tokens + %s,"
            " ai_output_tokens = ai_output_tokens + %s WHERE id = %s",
            (tokens.input, tokens.cached, tokens.output, image_id),
        )
        connection.execute(
            "INSERT INTO ai_usage AS u (account_id, day, calls, input_tokens, cached_tokens,"  # noqa: S608 - our own words
            f" output_tokens) VALUES (%s, {_TODAY}, 1, %s, %s, %s)"
            " ON CONFLICT (account_id, day) DO UPDATE SET calls = u.calls + 1,"
            " input_tokens = u.input_tokens + excluded.input_tokens,"
            " cached_tokens = u.cached_tokens + excluded.cached_tokens,"
            " output_tokens = u.output_tokens + excluded.output_tokens",
            (account_id, tokens.input, tokens.cached, tokens.output),
        )


def check(database: Database, account_id: int, settings: Settings) -> None:
    """Raises AiLimitError when the account, or all of them, have spent their tokens of today.

    Calls that are under way are not counted yet: the limit is passed by theirs at most.
    """
    with database.autocommit() as connection:
        row = one(
            connection.execute(
                f"SELECT {_SUM.format(' FILTER (WHERE account_id = %s)')} AS own,"  # noqa: S608 - our own words
                f" {_SUM.format('')} AS together FROM ai_usage WHERE day = {_TODAY}",
                (account_id,),
            ).fetchone()
        )
    if row["own"] >= settings.ai_account_tokens_per_day:
        raise AiLimitError("Today's limit on AI is used up for this account")
    if row["together"] >= settings.ai_tokens_per_day:
        raise AiLimitError("Today's limit on AI is used up for this service")


def spent(database: Database) -> Spent:
    """What the metrics show."""
    with database.autocommit() as connection:
        row = one(
            connection.execute(
                "SELECT coalesce(sum(calls), 0)::bigint AS calls,"
                " coalesce(sum(input_tokens), 0)::bigint AS input,"
                " coalesce(sum(cached_tokens), 0)::bigint AS cached,"
                " coalesce(sum(output_tokens), 0)::bigint AS output FROM ai_usage"
            ).fetchone()
        )
    return Spent(row.pop("calls"), Tokens(**row))
