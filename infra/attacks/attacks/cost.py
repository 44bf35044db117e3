"""Uploads of few bytes that cost much: CPU time, bytes in the store."""

from infra.attacks.clients import send_batches
from infra.attacks.files import noise_png, tiny_webp
from infra.attacks.run import Run
from shared.plans import Plan

_COUNT_IMAGES = """
SELECT count(*) FROM images
"""
_COUNT_OPEN_IMAGES = """
SELECT count(*) FROM images WHERE ended_number IS NULL
"""
_COUNT_IMAGES_IN_STATE = """
SELECT count(*) FROM images WHERE state = %s
"""
_COUNT_FAILURES_OTHER_THAN_REFUSALS = """
SELECT count(*) FROM images WHERE state = 'failed' AND error_code <> 'too_much_work'
"""
_STORED_BYTES = """
SELECT coalesce(sum(compressed_size), 0) FROM images
"""
# Work that the newest account is said to have done, in this hour and the next, which may begin now.
_HAVE_WORKED = """
INSERT INTO work (account_id, hour, cpu_seconds)
SELECT max(accounts.id), date_trunc('hour', now(), 'UTC') + next * interval '1 hour', %s
FROM accounts, generate_series(0, 1) AS next GROUP BY next RETURNING account_id
"""
_SECONDS_LEFT = 3.0
_END_SECONDS = 200.0
_BEGIN_SECONDS = 60.0
_LONGER_SECONDS = 10.0  # than it is measured, so that a busy machine reaches the bound too
_STORING_PAUSE_SECONDS = 0.5


def hostile_png(run: Run) -> None:
    """A PNG of 395 kB, noise of 9999 x 10000 pixels, to AVIF, WebP and JPEG at quality 100."""
    key = run.target.new_account()
    height, before = run.scaled(10_000), run.target.number(_COUNT_IMAGES)
    asked = [(False, "avif"), (True, "avif"), (False, "webp"), (True, "webp"), (False, "jpg")]
    for alpha, format in asked:
        file = noise_png(9_999, height, alpha=alpha, seed=run.random.randrange(1 << 32))
        run.start(send_batches, key, [file], {"format": format, "quality": 100}, 1, _BEGIN_SECONDS)
    run.wait_until_number(_COUNT_IMAGES, before + len(asked), _BEGIN_SECONDS)
    run.feel()
    ended = run.wait_until(lambda: not run.target.number(_COUNT_OPEN_IMAGES), _END_SECONDS)
    run.require(ended, f"the images have not ended after {_END_SECONDS:.0f} s")
    others = run.target.number(_COUNT_FAILURES_OTHER_THAN_REFUSALS)
    run.require(not others, f"{others:.0f} images failed, and not because of too much work")
    run.figures["refused"] = run.target.number(_COUNT_IMAGES_IN_STATE, "failed") - others


def tiny_webps(run: Run) -> None:
    """100 copies of a WebP of 38 bytes and 6000 x 5000 pixels, in batches of 20."""
    key, copies = run.target.new_account(), [tiny_webp()] * 20
    sending = run.start(send_batches, key, copies, {}, 5, _BEGIN_SECONDS)
    run.figures["images"] = 20 * sending()["accepted"]
    run.feel()


def stored_bytes(run: Run) -> None:
    """A PNG of 8 kB that becomes 300 times as many bytes of JPEG, again and again."""
    key = run.target.new_account(Plan.STARTER)
    asked = {"format": "jpg", "quality": 100}
    sending = run.start(
        *(
            send_batches,
            key,
            [noise_png(1_200, 1_200)],
            asked,
            100,
            run.form.seconds + _LONGER_SECONDS,
            None,
        ),
        _STORING_PAUSE_SECONDS,
    )
    run.feel()
    answers = sending()
    run.figures |= {"accepted": answers.get("accepted", 0)}
    run.figures["stored_mb"] = round(run.target.number(_STORED_BYTES) / 1e6)
    run.require(answers.get("storage_limit"), f"the store was filled without a bound: {answers}")
    others = run.target.number(_COUNT_FAILURES_OTHER_THAN_REFUSALS)
    run.require(not others, f"{others:.0f} accepted images failed")


def work_of_an_hour(run: Run) -> None:
    """An account that goes on after it has used up the CPU time of its hour."""
    key = run.target.new_account()
    limit = run.target.services.settings.account_cpu_seconds_per_hour
    run.target.query(_HAVE_WORKED, limit - _SECONDS_LEFT)
    seconds = run.form.seconds + _LONGER_SECONDS
    sending = run.start(send_batches, key, [noise_png(1_200, 1_200)] * 5, {}, 1_000, seconds)
    run.feel()
    answers = sending()
    run.figures |= answers
    run.require(answers.get("work_limit"), f"the work of an hour has no bound: {answers}")
