"""Files and folders of a session: each path is unique there, also where case is ignored."""

from shared.services import Services
from tests.support.cases import every_case
from tests.support.making import accept, make_account, make_batch


def paths_in(services: Services) -> list[str]:
    with services.database.transaction() as connection:
        rows = connection.execute(
            "SELECT folder, file_name FROM images ORDER BY created_at, index"
        ).fetchall()
    return ["/".join(filter(None, row.values())) for row in rows]


def accepted(services: Services, *batches: list[str]) -> list[str]:
    """Where the images of the batches are in their one session."""
    account, _ = make_account(services)
    for names in batches:
        accept(services, make_batch(services, account, names, session="s"))
    return paths_in(services)


def test_a_name_is_unique_within_its_folder_alone(unit: Services) -> None:
    sent = ["a/x.png", "b/x.png", "x.png", "a/x.jpg", "a/b/x.png", "X.png"]
    assert accepted(unit, sent[:3], sent[3:]) == [
        *("a/x.webp", "b/x.webp", "x.webp"),
        *("a/x-2.webp", "a/b/x.webp", "X-2.webp"),
    ]


@every_case(
    "first, second, found",
    [
        ("Shoes", "shoes", "Shoes"),
        ("Shoes", "SHOES/Red", "Shoes/Red"),
        ("shoes/Red", "Shoes", "shoes"),
        ("shoes/Red", "SHOES/red/Big", "shoes/Red/Big"),
        ("straße", "STRASSE", "straße"),
        ("می\u200cخواهم", "میخواهم", "می\u200cخواهم"),
    ],
)
def test_a_folder_is_spelled_as_it_was_first(
    unit: Services, first: str, second: str, found: str
) -> None:
    with unit.database.transaction() as connection:
        connection.execute("TRUNCATE accounts CASCADE")
    paths = accepted(unit, [f"{first}/x.png"], [f"{second}/y.png"])
    assert paths == [f"{first}/x.webp", f"{found}/y.webp"]


def test_two_spellings_within_one_batch_are_one_folder(unit: Services) -> None:
    assert accepted(unit, ["Shoes/x.png", "shoes/x.png"]) == ["Shoes/x.webp", "Shoes/x-2.webp"]


def test_folders_are_each_sessions_own(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["Shoes/x.png"], session="s"))
    accept(unit, make_batch(unit, account, ["shoes/x.png"], session="t"))
    assert paths_in(unit) == ["Shoes/x.webp", "shoes/x.webp"]


def test_a_file_does_not_take_the_name_of_a_folder(unit: Services) -> None:
    assert accepted(unit, ["X.webp/a.png", "x.png"]) == ["X.webp/a.webp", "x-2.webp"]


def test_a_folder_does_not_take_the_name_of_a_file(unit: Services) -> None:
    later = ["X.webp/a.png", "x.webp-2/a.png", "x.webp/b/a.png"]
    assert accepted(unit, ["x.png"], later, ["x.WEBP/c.png"]) == [
        "x.webp",
        *("X.webp-2/a.webp", "X.webp-2/a-2.webp", "X.webp-2/b/a.webp"),
        "X.webp-2/c.webp",
    ]
