"""Rows that are older than they are."""

from shared.services import Services


def age(services: Services, interval: str) -> None:
    """As if everything had happened so much earlier."""
    with services.database.transaction() as connection:
        for table, column in (
            ("batches", "created_at"),
            ("batches", "measured_at"),
            ("batches", "published_at"),
            ("batches", "closed_at"),
            ("images", "published_at"),
            ("sessions", "created_at"),
        ):
            connection.execute(
                f"UPDATE {table} SET {column} = {column} - %s::interval",  # noqa: S608 - ours
                (interval,),
            )
