"""The call of a webhook: claim, read the batch, sign, call, commit. One call a message."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks import Webhook

from shared import answers, bodies, logs, outbound
from shared.db import views, webhook_calls, webhook_secrets
from shared.db.webhook_calls import Call
from shared.errors import NotFoundError, OutboundError, UnavailableError
from shared.services import Services
from workers.holder import holder

logger = logging.getLogger("fluximage.webhooks")

_GONE = 410  # the receiver wants no further call


@dataclass(frozen=True)
class _Outcome:
    """How a call went. status: of the answer, None where none came. reason: why it failed."""

    status: int | None
    reason: str = ""

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def call_webhook(services: Services) -> None:
    """Makes the next call that is due, if the bounds allow one, and notes what came of it.

    Then it sends a message for what is due still, so that a worker that is told to end does.
    """
    call = webhook_calls.claim_next(services.database, holder())
    if call is None:
        return
    with logs.about(account=call.account_id, session=call.session_name, batch=call.batch_id):
        started = time.monotonic()
        outcome = _outcome(services, call)
        result = _note(services, call, outcome)
        logger.info(
            "webhook",
            extra={
                "webhook": call.message_id,
                "event": call.event,
                "origin": call.origin,  # and no path or query, which may hold a secret
                "attempt": call.attempts,
                "result": result,
                "status": outcome.status,
                "reason": outcome.reason,
                "seconds": round(time.monotonic() - started, 3),
            },
        )
        services.metrics.count_webhook(result)
    services.dispatch_calls()


def _outcome(services: Services, call: Call) -> _Outcome:
    try:
        body = json.dumps(_event(services, call), ensure_ascii=False)
        headers = _headers(services, call, body)
        status = outbound.post(call.url, body.encode(), headers, policy=services.policy)
        return _Outcome(status)
    except OutboundError as error:
        return _Outcome(None, error.message)
    except UnavailableError:
        raise  # one of our servers; the lease ends
    except Exception:
        # Uncaught, the call would be made again each time its lease ends.
        logger.exception("a webhook could not be called")
        return _Outcome(None, "an error of this service")


def _event(services: Services, call: Call) -> bodies.WebhookEvent:
    """The body, with URLs signed now. Of a batch that is gone: that its results have expired."""
    cancelled = call.event == "batch.cancelled"
    try:
        view = views.view_batch(services.database, call.account_id, call.batch_id)
    except NotFoundError:
        status: views.Status = "cancelled" if cancelled else "completed"
        batch = answers.forgotten_batch_body(call.session_name, call.batch_id, status)
    else:
        batch = answers.batch_body(view, answers.signer(services.store, services.settings))
        if not cancelled and len(batch["data"]) < view.progress.completed:
            batch["warnings"].append(answers.results_expired())
    return answers.event_body(call.event, call.occurred_at, batch)


def _headers(services: Services, call: Call, body: str) -> Mapping[str, str]:
    """The headers of Standard Webhooks: a signature for each secret of the account."""
    if services.secret_keys is None:
        raise LookupError("FLUXIMAGE_SECRET_KEYS is not set in the worker that calls webhooks")
    secrets = webhook_secrets.valid(services.database, services.secret_keys, call.account_id)
    now, message_id = datetime.now(UTC), str(call.message_id)
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(one).sign(message_id, now, body) for one in secrets),
    }


def _note(services: Services, call: Call, outcome: _Outcome) -> str:
    """Commits the end of the attempt; returns its word for the log and the metrics."""
    database = services.database
    if outcome.delivered and outcome.status is not None:
        kept, result = webhook_calls.note_delivered(database, call, outcome.status), "delivered"
    elif outcome.status == _GONE:
        kept, result = webhook_calls.give_up(database, call, _GONE), "given_up"
    else:
        kept, result = webhook_calls.note_failed(database, call, outcome.status), "failed"
    return result if kept else "lost"
