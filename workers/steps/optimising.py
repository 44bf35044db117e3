"""The first step of one image: claim, load, process, save, commit."""

import io
import logging
from collections.abc import Callable
from functools import partial
from uuid import UUID

from shared import images
from shared.errors import ImageError, ObjectMissingError, UnavailableError
from shared.images import Closing
from shared.models import Claim, Notice, Result, State
from shared.probe import check_animation, check_limits, probe
from shared.services import Services
from shared.store import original_key, output_key, preview_key
from workers.imaging import Output, process
from workers.steps.report import Report

logger = logging.getLogger(__name__)

_After = Callable[[], None]  # who is to be told of a commit


def optimise(services: Services, image_id: UUID) -> None:
    """Optimises one image if it can be claimed, and commits its end or hands it on.

    What is wrong with the image ends it in `failed`; what is wrong with a server gives the
    claim back.
    """
    claim = images.claim(services.database, image_id, services.settings.lease_seconds)
    if claim is None:
        return
    report = Report()
    after = _attempt(services, claim, report)
    if after is not None:
        after()  # first: a client waits for it
        report.tell(services, claim, "image")


def _attempt(services: Services, claim: Claim, report: Report) -> _After | None:
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


def _run(services: Services, claim: Claim, report: Report) -> _After | None:
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
    with report.step("save"):
        result = _save(services, claim, output)
    after = _commit(services, claim, result, report)
    if after is None:
        logger.warning("a late commit was refused", extra={"image": claim.image_id})
        for key in filter(None, (result.output_key, result.preview_key)):
            services.store.delete(key)
    return after


def _save(services: Services, claim: Claim, output: Output) -> Result:
    format = claim.options.format
    key = output_key(claim.batch_id, claim.token, format)
    services.store.put(key, io.BytesIO(output.data), len(output.data), format.content_type)
    preview = preview_key(claim.batch_id, claim.token) if output.preview else None
    if preview and output.preview:
        services.store.put(preview, io.BytesIO(output.preview), len(output.preview), "image/jpeg")
    return Result(
        format=format,
        width=output.width,
        height=output.height,
        size=len(output.data),
        output_key=key,
        watermarked=output.watermarked,
        encoding=output.encoding,
        notices=tuple(Notice(code, message) for code, message in output.warnings),
        preview_key=preview,
    )


def _commit(services: Services, claim: Claim, result: Result, report: Report) -> _After | None:
    """None where the claim was lost."""
    if result.preview_key is None:
        return _telling(services, images.complete(services.database, claim, result))
    report.result, report.ended = "optimised", State.OPTIMISED
    handed_on = images.hand_on(services.database, claim, result)
    return services.dispatch if handed_on else None  # its place in the window is free


def _fail(services: Services, claim: Claim, error: ImageError, report: Report) -> _After | None:
    report.result, report.ended = error.code, State.FAILED
    return _telling(services, images.fail(services.database, claim, error))


def _telling(services: Services, closing: Closing | None) -> _After | None:
    return None if closing is None else partial(services.announce, closing)


def _give_back(services: Services, claim: Claim, report: Report) -> _After | None:
    if claim.attempt >= services.settings.max_attempts:
        return _fail(services, claim, ImageError("The image could not be processed"), report)
    try:
        images.unclaim(services.database, claim)
    except UnavailableError:
        logger.warning("a claim could not be given back; its lease will end")
    return None
