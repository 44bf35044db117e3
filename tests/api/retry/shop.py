"""A client of the API that runs in this process over a store in memory, and its worker."""

import io
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.db import credits, descriptions, images
from shared.db.accounts import Account
from shared.db.database import Row
from shared.db.image_states import DESCRIBE, OPTIMISE
from shared.errors import AiUnreachableError, ImageError
from shared.models import Description, Notice
from shared.plans import Plan
from shared.services import Services
from tests.support.making import make_account, png
from tests.support.memory_store import MemoryStore
from workers import steps

PHOTO = png(64, 48)
BOTH: dict[str, Any] = {"autoAltText": "true", "autoRenameSEO": "true"}
WRITTEN = Description("Red shoes on grass", "red-shoes-on-grass")
UNREACHABLE = Notice(AiUnreachableError.code, "The AI provider did not answer")
RETRY = "/api/sessions/s/retry"


@dataclass
class Shop:
    """A client of the API, and the worker behind it."""

    http: FlaskClient
    key: str
    account: Account
    services: Services
    store: MemoryStore

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}"} | more.pop("headers", {})
        return self.http.open(path, method=method, headers=headers, **more)

    def send(self, count: int = 1, headers: dict[str, str] | None = None, **fields: Any) -> Any:
        files = [(io.BytesIO(PHOTO), f"{n}.png") for n in range(count)]
        sent = {"Prefer": "respond-async"} | (headers or {})
        data = {"file": files, "sessionId": "s"} | fields
        answer = self.call("POST", "/api/compress", headers=sent, data=data)
        assert answer.status_code == 202, answer.text
        return answer.json

    def retry(self, status: int = 202) -> Any:
        answer = self.call("POST", RETRY)
        assert answer.status_code == status, answer.text
        return answer.json

    def page(self, **query: object) -> Any:
        return self.call("GET", "/api/sessions/s", query_string=query).json

    def rows(self, where: str = "true") -> list[Row]:
        with self.services.database.transaction() as connection:
            return connection.execute(
                f"SELECT i.* FROM images AS i JOIN batches AS b ON b.id = i.batch_id"  # noqa: S608 - ours
                f" WHERE {where} ORDER BY b.created_at, i.index"
            ).fetchall()

    def fail(self, error: ImageError | None = None) -> None:
        """Fails every queued image, as after three killed workers; closes their batches."""
        for row in self.rows("i.state = 'queued'"):
            claim = images.claim(self.services.database, OPTIMISE, row["id"], 60)
            assert claim is not None
            error = error or ImageError("The image could not be processed")
            assert images.fail(self.services.database, claim, error)
        self.close()

    def measure(self) -> None:
        """Measures every batch, and sends what may go out."""
        for row in self.rows():
            steps.measure(self.services, row["batch_id"])

    def optimise(self) -> None:
        """Processes every queued image, and closes the batches that are done."""
        for row in self.rows("i.state = 'queued'"):
            steps.optimise(self.services, row["id"])
        self.close()

    def describe(self, written: Description = WRITTEN, notice: Notice | None = None) -> None:
        """Ends every optimised image with that text, and closes the batches that are done."""
        for row in self.rows("i.state = 'optimised'"):
            claim = images.claim(self.services.database, DESCRIBE, row["id"], 60)
            assert claim is not None
            assert descriptions.complete(self.services.database, claim, written, notice)
        self.close()

    def close(self) -> None:
        with self.services.database.transaction() as connection:
            batches = connection.execute("SELECT id FROM batches").fetchall()
        for batch in batches:
            steps.close_batch(self.services, batch["id"])

    def undescribed(self, count: int = 1) -> None:
        """A session `s` of images that the model left without a text."""
        self.send(count, **BOTH)
        self.optimise()
        self.describe(Description(), UNREACHABLE)

    def used(self) -> tuple[int, int]:
        """Images and AI credits that the account has paid or reserved."""
        balance = credits.balance(self.services.database, self.account.id)
        return balance.images_used, balance.ai_used

    def is_stored(self, key: str) -> bool:
        return self.store.last_modified(key) is not None


def make_shop(unit: Services, http: FlaskClient, services: Services, plan: Plan) -> Shop:
    account, key = make_account(unit, plan)
    assert isinstance(services.store, MemoryStore)
    return Shop(http, key, account, services, services.store)
