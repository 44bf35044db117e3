"""Accounts, batches and uploads for tests."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid4

from PIL import Image
from pydantic import SecretStr

from infra.dev.messages_api import Answer, MessagesApi
from shared.clients.object_store import original_key
from shared.db import accounts, batches, estimates
from shared.db.accounts import Account
from shared.db.batches import NewBatch, NewImage
from shared.db.estimates import Estimate
from shared.db.idempotency import KeyClaim
from shared.imagetype import ImageType
from shared.models import DescriptionRequest, Encoding, Options, Result
from shared.naming import clean_folder
from shared.plans import Plan
from shared.services import Services
from shared.settings import Settings

SMALL = Estimate(cpu_seconds=0.01, max_cpu_seconds=0.02, memory_bytes=2_000_000)
CHEAP = replace(SMALL, max_cpu_seconds=5)  # not for the lane `express`
BOTH_TEXTS = Options(
    format=ImageType.WEBP, description_request=DescriptionRequest(alt_text=True, file_name=True)
)


def asking(settings: Settings, model: MessagesApi, **changes: object) -> Settings:
    """The settings with a provider to ask, changed by the names of the fields."""
    provider = {"anthropic_api_key": SecretStr(model.key), "anthropic_base_url": model.url}
    return settings.model_copy(update=provider | changes)


def saying(alt_text: str, file_name: str) -> Answer:
    """The model's answer with that alt text and that file name."""
    return Answer(json.dumps({"alt_text": alt_text, "file_name": file_name}))


def make_account(services: Services, plan: Plan = Plan.AGENCY) -> tuple[Account, str]:
    """A new account of that plan, and its key."""
    key = accounts.create(services.database, f"test-{uuid4()}", plan)
    return accounts.authenticate(services.database, key), key


def make_result(output_key: str | None = None, preview_key: str | None = None) -> Result:
    """What the first step commits."""
    return Result(
        ImageType.WEBP,
        width=8,
        height=6,
        size=3,
        output_key=output_key or f"x/out/{uuid4()}.webp",
        watermarked=False,
        encoding=Encoding.REENCODED,
        preview_key=preview_key,
    )


def png(width: int = 8, height: int = 6, colour: str = "red") -> bytes:
    """A small picture as PNG bytes."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


def make_batch(
    services: Services,
    account: Account,
    names: Sequence[str] = ("a.png",),
    *,
    data: bytes | None = None,
    session: str | None = None,
    options: Options | None = None,
    accepting: KeyClaim | None = None,
) -> NewBatch:
    """A batch with its originals stored, ready for `batches.accept`.

    names: with their folders, `shoes/a.png`.
    """
    content = png() if data is None else data
    batch_id = uuid4()
    for index in range(len(names)):
        key = original_key(batch_id, index)
        services.store.put(key, io.BytesIO(content), len(content), "image/png")
    digest = hashlib.sha256(content).digest()
    return NewBatch(
        id=batch_id,
        account_id=account.id,
        session_name=session or str(uuid4()),
        options=options or Options(format=ImageType.WEBP),
        images=[
            NewImage(uuid4(), name.rpartition("/")[2], len(content), digest, clean_folder(folder))
            for name in names
            for folder in [name.rpartition("/")[0]]
        ],
        watermark_key=None,
        notices=[],
        idempotency=accepting,
    )


def accept(services: Services, batch: NewBatch, estimate: Estimate | None = CHEAP) -> list[UUID]:
    """Accepts the batch and returns the ids of its images, in order.

    estimate: what measuring says of each; None leaves them to be measured.
    """
    batches.accept(services.database, uuid4(), batch)
    ids = [image.id for image in batch.images]
    if estimate and (unmeasured := estimates.unmeasured(services.database, batch.id)):
        estimates.save(services.database, unmeasured, dict.fromkeys(ids, estimate), {}, 0.0)
    return ids


def fill_storage(services: Services, account: Account) -> None:
    """Lets the account have as much stored as no plan may."""
    with services.database.transaction() as connection:
        connection.execute("UPDATE accounts SET stored_bytes = 3e12 WHERE id = %s", (account.id,))
