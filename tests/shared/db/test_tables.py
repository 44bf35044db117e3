"""The SQL stands in `shared.db` alone, whose docstring says which module touches which table."""

import re
from collections import defaultdict

import shared.db
from shared.services import Services
from tests.support.paths import ROOT

TABLE = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)")
STATEMENT = re.compile(r"\b(?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+\w")


def test_the_index_names_every_module_that_touches_a_table(unit: Services) -> None:
    with unit.database.transaction() as connection:
        rows = connection.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
        ).fetchall()
    tables = {row["table_name"] for row in rows}
    found = defaultdict(list)
    for path in sorted((ROOT / "shared/db").glob("*.py")):
        for table in tables & set(TABLE.findall(path.read_text())):
            found[table].append(path.stem)
    index = re.findall(r"^(\w+) {2,}(\S.*(?:\n +\S.*)*)$", shared.db.__doc__ or "", re.M)
    written = {table: modules.split() for table, modules in index}
    assert written == found
    assert written.keys() == tables


def test_no_sql_stands_outside_of_shared_db() -> None:
    found = {
        str(path.relative_to(ROOT))
        for room in ("api", "shared", "workers")
        for path in (ROOT / room).rglob("*.py")
        if STATEMENT.search(path.read_text()) and (ROOT / "shared/db") not in path.parents
    }
    assert not found
