"""The first step of one image: claim, load, probe, wait for memory, process, save, commit."""

import io
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from uuid import UUID

from shared import logs
from shared.clients.object_store import original_key, output_key, preview_key
from shared.db import images
from shared.db.image_states import OPTIMISE, State
from shared.db.images import ImageEnded
from shared.errors import (
    NOT_PROCESSED,
    AdmissionClosedError,
    DatabaseDownError,
    ImageError,
    MemoryTakenError,
    ObjectMissingError,
    UnavailableError,
)
from shared.lanes import Lane
from shared.models import Claim, Notice, Result
from shared.services import Services
from workers.dispatching import dispatch
from workers.imaging import ImageJob, Output, process
from workers.memory import admission
from workers.steps.claiming import with_claim
from workers.steps.planning import planned
from workers.steps.report import Report

logger = logging.getLogger(__name__)

# How long an image that found no memory is held back, and how often; then it waits in line.
_HELD_BACK_SECONDS = 3
_MAX_MEMORY_WAITS = 5
# A worker that can admit no image would else take them all, faster than the others work.
_CLOSED_PAUSE_SECONDS = 5.0

_AfterCommit = Callable[[], None]  # called after the commit: notifies who waits


def optimise(services: Services, image_id: UUID, data: bytes | None = None) -> None:
    """Optimises one image if it can be claimed; commits its end, or lets it wait to be described.

    data: its original, where that was read already.
    A fault of the image ends it in `failed`. A fault of a server gives the claim back.
    """
    report, lease_seconds = Report(), services.settings.lease_seconds
    attempt = partial(_attempt, services, report, data)
    with logs.about(image=image_id):
        if done := with_claim(services, OPTIMISE, image_id, lease_seconds, attempt):
            claim, after = done
            after()  # first: a client waits for it
            report.publish(services, claim, "image")
            if claim.lane == Lane.EXPRESS:
                dispatch(services)  # the account's next image may have the place


def _attempt(
    services: Services, report: Report, data: bytes | None, claim: Claim
) -> _AfterCommit | None:
    broken = ImageError(NOT_PROCESSED)
    try:
        return _run(services, claim, report, data)
    except ObjectMissingError:
        # Cancelled meanwhile, or lost: another attempt cannot bring it back.
        return _fail(services, claim, broken, report)
    except ImageError as error:
        return _fail(services, claim, error, report)
    except MemoryTakenError as error:
        _hold_back(services, claim, error.needed_bytes)
        return None
    except AdmissionClosedError:  # which the main process logs
        time.sleep(_CLOSED_PAUSE_SECONDS)
        images.unclaim(services.database, OPTIMISE, claim.image_id, claim.token)
        return None
    except DatabaseDownError:
        raise  # for `with_claim`
    except UnavailableError:
        logger.warning("a server is down; the image waits")
        return _give_back(services, claim, report)
    except MemoryError:
        # In Celery's hands it would end the main process of this worker, and of the next one.
        failure = ImageError("This image needs more memory than is available")
        return _fail(services, claim, failure, report)
    except Exception:
        # A fault of ours or of a codec. Uncaught, the image would wait until its lease ends.
        logger.exception("the engine failed")
        return _fail(services, claim, broken, report)


def _run(
    services: Services, claim: Claim, report: Report, data: bytes | None
) -> _AfterCommit | None:
    if claim.few_wait:
        dispatch(services)  # now, so that no process waits for work while this one is busy
    with report.step("load"):
        if data is None:
            data = services.store.get(original_key(claim.batch_id, claim.index))
        watermark = services.store.get(claim.watermark_key) if claim.watermark_key else None
    memory = admission.of_machine(services.settings.memory_mb)
    # Again: this machine may have less memory, or another version, than the one that measured.
    facts, plan = planned(services.settings, claim.options, data, memory.most_bytes)
    job = ImageJob(data, facts, claim.options, watermark, plan.effort, faster=plan.faster)
    in_line = claim.memory_waits >= _MAX_MEMORY_WAITS
    limit_seconds = services.settings.task_limit_seconds
    patience_seconds = in_line * _patience_seconds(limit_seconds, plan.cost.cpu_seconds)
    with ExitStack() as held:
        with report.step("admit"):
            held.enter_context(memory.admit(plan.cost.memory_bytes, patience_seconds))
        output = process(job)
    report.seconds |= output.seconds
    report.engine_cpu_seconds = output.cpu_seconds
    report.bytes_out = len(output.data)
    with report.step("save"):
        result = _save(services, claim, output)
    after = _commit(services, claim, result, report)
    if after is None:
        logger.warning("a late commit was refused")
        for key in filter(None, (result.output_key, result.preview_key)):
            services.store.delete(key)
    return after


def _patience_seconds(task_limit_seconds: int, cpu_seconds: float) -> float:
    """How long an image may wait in line for memory, while its task's limit and its lease run on.

    The limit minus four times the estimated work, since an estimate may be low and a core busy; at
    least a quarter of the limit.
    """
    return max(task_limit_seconds / 4, task_limit_seconds - 4 * cpu_seconds)


def _save(services: Services, claim: Claim, output: Output) -> Result:
    format = claim.options.format
    key = output_key(claim.batch_id, claim.token, format)
    services.store.put(key, io.BytesIO(output.data), len(output.data), format.facts.mime_type)
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
        preview_size=len(output.preview or b""),
    )


def _commit(
    services: Services, claim: Claim, result: Result, report: Report
) -> _AfterCommit | None:
    """Returns None when the claim was lost."""
    if result.preview_key is None:
        return _announcing(
            services, images.complete(services.database, claim, result, report.cpu_seconds)
        )
    report.result, report.ended = "optimised", State.OPTIMISED
    marked = images.mark_optimised(services.database, claim, result, report.cpu_seconds)
    return (lambda: None) if marked else None


def _fail(
    services: Services, claim: Claim, error: ImageError, report: Report
) -> _AfterCommit | None:
    report.result, report.ended = error.code, State.FAILED
    return _announcing(services, images.fail(services.database, claim, error, report.cpu_seconds))


def _announcing(services: Services, ended: ImageEnded | None) -> _AfterCommit | None:
    return None if ended is None else partial(services.announce, ended)


def _hold_back(services: Services, claim: Claim, needed_bytes: int) -> None:
    """Leaves the image for when there is memory; a place in the window is free now."""
    logger.info("an image waits for memory")
    images.hold_back(services.database, claim, _HELD_BACK_SECONDS, needed_bytes)
    dispatch(services)


def _give_back(services: Services, claim: Claim, report: Report) -> _AfterCommit | None:
    if claim.attempt >= services.settings.max_attempts:
        return _fail(services, claim, ImageError(NOT_PROCESSED), report)
    images.give_back(services.database, claim)
    return None
