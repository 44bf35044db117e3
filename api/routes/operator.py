"""GET /health/live, /health/ready and /metrics: for the operator, without a key."""

from collections.abc import Callable, Iterator

import redis
from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from werkzeug.exceptions import NotFound

from api.context import context
from api.openapi import examples
from api.openapi.declare import Answer, Call, Tag, documented
from api.responses import json_response
from shared import bodies, supervised
from shared.clients import worker_reports
from shared.db import ai_usage, backlog
from shared.errors import UnavailableError
from shared.services import Services

blueprint = Blueprint("operator", __name__)

_METRICS_EXAMPLE = """\
# HELP fluximage_queue_images Images that wait for a worker
# TYPE fluximage_queue_images gauge
fluximage_queue_images 0.0
"""
_OK: bodies.Health = {"status": "ok"}


@blueprint.get("/health/live")
@documented(
    Call(
        "getLive",
        Tag.OPERATOR,
        answers={200: Answer("This process answers.", bodies.Health, examples.HEALTHY)},
    )
)
def live() -> Response:
    """Returns 200 while this process answers."""
    return json_response(_OK)


@blueprint.get("/health/ready")
@documented(
    Call(
        "getReady",
        Tag.OPERATOR,
        answers={
            200: Answer("All answer.", bodies.Ready, examples.READY),
            503: Answer("Some do not.", bodies.NotReady, examples.NOT_READY),
        },
    )
)
def ready() -> Response:
    """Returns 200 while every server behind this process answers, else 503 with those that do not.

    Also 503 when every worker for pixels says that it can work on no image; while others work, such
    a worker is named in `faults`. Under `fluximage up`, the workers must answer too.
    """
    services = context().services
    checks: dict[str, Callable[[], object]] = {
        "postgres": services.database.ping,
        "redis": services.redis.ping,
        "store": services.store.ping,
    }
    down = [name for name, check in checks.items() if not _answers(check)]
    down += [part for part in supervised.unready_parts() if part != "web"]  # which is us
    faults, others_work = _workers(services)
    if not down and (others_work or not faults):
        well: bodies.Ready = {"status": "ok", "queue": _queue(services)}
        return json_response(well | {"faults": faults} if faults else well)
    sentences = [f"{', '.join(down)} down"] if down else []
    sentences += [f"{worker}: {fault}" for worker, fault in faults.items()]
    body: bodies.NotReady = {
        "error": f"Not ready: {'; '.join(sentences)}",
        "code": "unavailable",
        "down": [*down, *faults],
    }
    return json_response(body, 503)


def _queue(services: Services) -> bodies.Queue:
    queue = backlog.queue_state(services.database)
    return {
        "images": queue.images,
        "age_seconds": round(queue.age_seconds, 3),
        "accounts": queue.accounts,
        "cpu_seconds": round(queue.cpu_seconds, 3),
        "full": queue.images > services.settings.max_queue_images,
    }


def _workers(services: Services) -> tuple[dict[str, str], bool]:
    try:
        return worker_reports.faults(services.redis)
    except redis.RedisError:  # which is named as down
        return {}, False


@blueprint.get("/metrics", strict_slashes=True)
@documented(
    Call(
        "getMetrics",
        Tag.OPERATOR,
        answers={
            200: Answer("The metrics.", str, _METRICS_EXAMPLE, media_type="text/plain"),
        },
        refusals=(UnavailableError,),
    )
)
def scrape() -> Response:
    """Returns metrics of the installation, for Prometheus.

    Block it from outside at your proxy, or give it an address of its own by
    `FLUXIMAGE_METRICS_LISTEN`; then it answers there alone.
    """
    registry = CollectorRegistry()
    registry.register(_InstallationCollector(context().services))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def keep_to_the_address() -> None:
    """Raises NotFound for metrics at another address than theirs, and for anything else there.

    A proxy blocks exactly `/metrics`: no other spelling of it may answer either.
    """
    wanted = context().services.settings.metrics_listen
    here = wanted == (request.environ["SERVER_NAME"], int(request.environ["SERVER_PORT"] or 0))
    if request.path == "/metrics":
        spelt = request.environ.get("RAW_URI", request.path).partition("?")[0]
        allowed = spelt == "/metrics" and (here or wanted is None)
    else:
        allowed = not here or request.path.startswith("/health/")
    if not allowed:
        raise NotFound


def _answers(check: Callable[[], object]) -> bool:
    try:
        check()
    except (UnavailableError, redis.RedisError):
        return False
    return True


class _InstallationCollector(Collector):
    """Reads rows in Postgres and the workers' counters in Redis, at each scrape."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        queue = _queue(self._services)
        for name, sentence, value in (
            ("images", "Images that wait for a worker", queue["images"]),
            ("age_seconds", "Age of the oldest waiting image", queue["age_seconds"]),
            ("accounts", "Accounts that have waiting images", queue["accounts"]),
            ("cpu_seconds", "Estimated work of the waiting images", queue["cpu_seconds"]),
            ("full", "1 while accounts above their share are refused", queue["full"]),
        ):
            yield GaugeMetricFamily(f"fluximage_queue_{name}", sentence, value)
        yield from self._ai()
        try:
            yield self._images()
            yield self._steps()
            yield CounterMetricFamily(
                "fluximage_cpu_seconds",
                "CPU seconds that images took, failed and killed runs too",
                self._services.metrics.cpu_seconds(),
            )
            yield self._webhooks()
        except redis.RedisError:
            return  # without Redis the figures from Postgres are still returned

    def _ai(self) -> Iterator[Metric]:
        spent = ai_usage.spent(self._services.database)
        yield CounterMetricFamily("fluximage_ai_calls", "Answered calls to the model", spent.calls)
        family = CounterMetricFamily(
            "fluximage_ai_tokens", "What the calls took, as billed", labels=["kind"]
        )
        for kind, count in vars(spent.tokens).items():
            family.add_metric([kind], count)
        yield family

    def _images(self) -> Metric:
        family = CounterMetricFamily(
            "fluximage_images", "Images that ended", labels=["result", "format"]
        )
        for labels, count in self._services.metrics.image_counts().items():
            family.add_metric(labels, count)
        return family

    def _webhooks(self) -> Metric:
        family = CounterMetricFamily(
            "fluximage_webhook_calls", "Calls of webhooks", labels=["result"]
        )
        for result, count in self._services.metrics.webhook_counts().items():
            family.add_metric([result], count)
        return family

    def _steps(self) -> Metric:
        family = SummaryMetricFamily(
            "fluximage_step_seconds", "Wall seconds of each step of an image", labels=["step"]
        )
        for step, (count, total) in self._services.metrics.step_seconds().items():
            family.add_metric([step], count_value=count, sum_value=total)
        return family
