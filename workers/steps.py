"""The road of one image: claim, load, process, save, commit. No Celery in here."""

import io
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from shared import images, metrics, sessions, sweeper
from shared.errors import ImageError, ObjectMissingError, UnavailableError
from shared.images import Closing
from shared.models import Claim, Notice, Result
from shared.probe import check_animation, check_limits, probe
from shared.services import Services
from shared.store import inputs_prefix, original_key, output_key
from workers.imaging import Output, process

logger = logging.getLogger("fluximage.images")


@dataclass
class Report:
    """How one run went, for the log line and the metrics.

    result: `done`, or the code of the failure. seconds: wall time by step.
    """

    result: str = "done"
    seconds: dict[str, float] = field(default_factory=dict)
    engine_cpu_seconds: float = 0.0
    bytes_out: int = 0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Notes what the block takes as the step's seconds."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - started


def optimise(services: Services, image_id: UUID) -> None:
    """Optimises one image if it can be claimed, and commits its end.

    What is wrong with the image ends it in `failed`; what is wrong with a server gives the
    claim back. Nothing is raised but UnavailableError where Postgres is away, and that the
    task catches: in a chord's header it would skip the body.
    """
    claim = images.claim(services.database, image_id, services.settings.lease_seconds)
    if claim is None:
        return
    report = Report()
    closing = _attempt(services, claim, report)
    if closing is not None:
        services.announce(closing)  # first: a client waits for it
        _tell(services, claim, report)


def _attempt(services: Services, claim: Claim, report: Report) -> Closing | None:
    broken = ImageError("The image could not be processed")
    try:
        return _run(services, claim, report)
    except ObjectMissingError:
        # Cancelled meanwhile, or lost: trying again cannot bring it back.
        return _fail(services, claim, broken, report)
    except ImageError as error:
        return _fail(services, claim, error, report)
    except UnavailableError:
        logger.warning("a server is down; the image waits", extra={"image": claim.image_id})
        return _give_back(services, claim, report)
    except MemoryError:
        # Left to Celery it would end the worker's main process, and the next one's.
        failure = ImageError("The image needs more memory than there is")
        return _fail(services, claim, failure, report)
    except Exception:
        # A fault of ours or of a codec; uncaught, the image would wait for its lease to end.
        logger.exception("the engine failed", extra={"image": claim.image_id})
        return _fail(services, claim, broken, report)


def close_batch(services: Services, batch_id: UUID) -> None:
    """After a batch's last image: closes it should the last commit not have, and tidies up."""
    for closing in sweeper.close_ended_batches(services.database, batch_id):
        services.announce(closing)
    if sessions.is_batch_closed(services.database, batch_id):
        services.store.delete_prefix(inputs_prefix(batch_id))
        sweeper.mark_inputs_deleted(services.database, batch_id)


def _run(services: Services, claim: Claim, report: Report) -> Closing | None:
    with report.step("load"):
        data = services.store.get(original_key(claim.batch_id, claim.index))
        watermark = services.store.get(claim.watermark_key) if claim.watermark_key else None
    facts = probe(data)
    check_limits(facts, services.settings.max_pixels, services.settings.max_frames)
    check_animation(facts, claim.options.format, services.settings.max_animation_pixels)
    output = process(data, facts, claim.options, watermark, services.settings.effort)
    report.seconds |= output.seconds
    report.engine_cpu_seconds = output.cpu_seconds
    report.bytes_out = len(output.data)
    return _save_and_commit(services, claim, output, report)


def _save_and_commit(
    services: Services, claim: Claim, output: Output, report: Report
) -> Closing | None:
    format = claim.options.format
    key = output_key(claim.batch_id, claim.token, format)
    with report.step("save"):
        services.store.put(key, io.BytesIO(output.data), len(output.data), format.content_type)
    result = Result(
        format=format,
        width=output.width,
        height=output.height,
        size=len(output.data),
        output_key=key,
        watermarked=output.watermarked,
        encoding=output.encoding,
        notices=tuple(Notice(code, message) for code, message in output.warnings),
    )
    closing = images.complete(services.database, claim, result)
    if closing is None:
        logger.warning("a late commit was refused", extra={"image": claim.image_id})
        services.store.delete(key)
        return None
    return closing


def _fail(services: Services, claim: Claim, error: ImageError, report: Report) -> Closing | None:
    report.result = error.code
    return images.fail(services.database, claim, error)


def _give_back(services: Services, claim: Claim, report: Report) -> Closing | None:
    if claim.attempt >= services.settings.max_attempts:
        return _fail(services, claim, ImageError("The image could not be processed"), report)
    try:
        images.unclaim(services.database, claim)
    except UnavailableError:
        logger.warning("a claim could not be given back; its lease will end")
    return None


def _tell(services: Services, claim: Claim, report: Report) -> None:
    """The one log line of an image, and its share in the metrics."""
    logger.info(
        "image",
        extra={
            "account": claim.account_id,
            "session": claim.session_name,
            "batch": claim.batch_id,
            "image": claim.image_id,
            "attempt": claim.attempt,
            "result": report.result,
            "format": claim.options.format.value,
            "bytes_in": claim.original_size,
            "bytes_out": report.bytes_out,
            "engine_cpu_seconds": round(report.engine_cpu_seconds, 4),
            "seconds": {step: round(taken, 4) for step, taken in report.seconds.items()},
        },
    )
    outcome = "done" if report.result == "done" else "failed"
    metrics.count_image(services.redis, outcome, claim.options.format.value, report.seconds)
