"""Many images: whose turn it is."""

import itertools
import time
from collections.abc import Callable

from infra.attacks.clients import send_batches
from infra.attacks.files import photograph, photographs, small_jpeg
from infra.attacks.run import Run
from infra.processes import usable_cores

_BATCH_IMAGES = 20
_SEND_SECONDS = 120.0
_MAX_SHARE_ERROR = 0.15
# So much CPU time of each account is compared: one large image is a twentieth of it.
_SHARE_SECONDS = 8.0
_SHARES_LIMIT_SECONDS = 170.0
_MIN_BULK_SHARE = 0.5
_BULK_IMAGES = 220
# What each of ten accounts sends: images of so many megapixels, of which more than enough.
_LOADS = {0.3: 480, 0.5: 360, 1.0: 240, 2.0: 120, 3.0: 120}

_COUNT_IMAGES = """
SELECT count(*) FROM images
"""
_FEWEST_WAITING = """
SELECT min(waiting) FROM (
    SELECT count(*) FILTER (WHERE i.ended_number IS NULL) AS waiting
    FROM images AS i JOIN batches AS b ON b.id = i.batch_id
    WHERE b.account_id = ANY(%s) GROUP BY b.account_id
) AS of_account
"""
_ACCOUNT = """
SELECT max(id) FROM accounts
"""


def large_backlog(run: Run) -> None:
    """2,000 images of 4 megapixels that one account has sent without waiting for them."""
    key, file = run.target.new_account(), photograph(4)
    batches = run.scaled(2_000) // _BATCH_IMAGES
    copies = [file] * _BATCH_IMAGES
    half = (batches + 1) // 2
    sending = [run.start(send_batches, key, copies, {}, half, _SEND_SECONDS) for _ in range(2)]
    accepted = sum(sent().get("accepted", 0) for sent in sending)
    run.figures["images"] = accepted * _BATCH_IMAGES
    run.require(accepted >= batches, f"only {accepted} batches were accepted")
    run.feel()


def ten_accounts(run: Run) -> None:
    """Ten accounts whose images differ in size and number; each has more than its share."""
    ids, sending = [], []
    for megapixels, images in (*_LOADS.items(), *_LOADS.items()):
        key = run.target.new_account()
        ids.append(int(run.target.number(_ACCOUNT)))
        copies = [photograph(megapixels)] * _BATCH_IMAGES
        batches = max(1, run.scaled(images) // _BATCH_IMAGES)
        sending.append(run.start(send_batches, key, copies, {}, batches, _SEND_SECONDS))
    for sent in sending:
        sent()
    is_short = run.form.share < 1  # then some accounts may be done by now
    before = run.target.engine_seconds(lambda _: not is_short)
    run.feel()

    def shares_now() -> list[float]:
        after = run.target.engine_seconds()
        return [after[id] - before[id] for id in ids]

    enough = _SHARE_SECONDS * run.form.share**2
    run.wait_until(lambda: min(shares_now()) >= enough, _SHARES_LIMIT_SECONDS)
    shares = shares_now()
    mean = sum(shares) / len(shares)
    error = max(abs(share - mean) for share in shares) / mean if mean else 1.0
    fewest = run.target.number(_FEWEST_WAITING, ids)
    run.figures |= {"share_s_min": round(min(shares), 2), "share_s_max": round(max(shares), 2)}
    run.figures |= {"fewest_waiting": fewest}
    if is_short:  # too few images to say more
        run.require(min(shares), "an account got no core")
        return
    run.require(fewest, "an account had no more images, so its share says nothing")
    run.require(error < _MAX_SHARE_ERROR, f"the shares differ by {error:.0%} from their mean")


def own_bulk(run: Run) -> None:
    """220 photographs that the innocent account itself has sent without waiting for them."""
    files = [file for file in photographs() if file != small_jpeg()]
    count = run.scaled(_BULK_IMAGES)
    bulk = list(itertools.islice(itertools.cycle(files), _BATCH_IMAGES))
    batches = max(1, count // _BATCH_IMAGES)
    run.start(send_batches, run.innocent_key, bulk, {}, batches, _SEND_SECONDS)()
    alone = _bulk_rate(run, lambda: time.sleep(run.form.idle_seconds))
    beside = _bulk_rate(run, run.feel)
    run.figures |= {"bulk_cores_alone": round(alone, 2), "bulk_cores_beside": round(beside, 2)}
    run.require(
        run.form.share < 1 or beside >= _MIN_BULK_SHARE * min(alone, usable_cores()),
        f"the bulk keeps {beside:.2f} cores of {alone:.2f}",
    )


def _bulk_rate(run: Run, meanwhile: Callable[[], object]) -> float:
    """Cores that the engine uses for the bulk meanwhile."""
    small_bytes = len(small_jpeg())

    def seconds() -> float:
        lines = run.target.engine_seconds(lambda line: line["bytes_in"] != small_bytes)
        return float(sum(lines.values()))

    before, began = seconds(), time.monotonic()
    meanwhile()
    return (seconds() - before) / (time.monotonic() - began)
