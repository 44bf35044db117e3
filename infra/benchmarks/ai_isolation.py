"""AI isolation: what a slow or failing AI provider costs images with and without descriptions.

Part of `make bench`. The provider is a stand-in Messages API on the loopback.
"""

import io
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PIL import Image

from fluximage import Client, Options, Source
from infra.dev.messages_api import Answer, MessagesApi
from infra.dev.temporary_service import temporary_service
from shared.errors import OperatorError

_PROVIDER_SECONDS = 5.0  # per call
_BATCH_IMAGES = 20
_SESSION_BATCHES = 50
_CLIENTS = 4
_AI = Options(alt_text=True, rename=True)
_PLAIN = Options()


def figures() -> dict[str, Any]:
    """Wall times beside a provider that takes 5 s per call, and beside one that is down."""
    with MessagesApi() as model, temporary_service(environment=model.environment) as service:
        client = Client(service.url, service.api_key)
        picture = Source(_megapixel(), "a.png")
        _send(client, [picture], _AI)  # loads what the first call needs
        alone = _plain_latency_ms(client, picture)
        model.otherwise = lambda _: Answer(delay_seconds=_PROVIDER_SECONDS)
        with ThreadPoolExecutor(1) as pool:
            described = pool.submit(_send, client, [picture] * _BATCH_IMAGES, _AI)
            seconds = described.result()
            described = pool.submit(_send, client, [picture] * _BATCH_IMAGES, _AI)
            time.sleep(seconds - _PROVIDER_SECONDS)  # until all of them wait for the model
            beside = _plain_latency_ms(client, picture)
        plain = _session_seconds(client, _PLAIN)
        model.otherwise = lambda _: Answer(status=503)
        before = len(model.requests)
        down = _session_seconds(client, _AI)
        return {
            "ai_20_images_of_1_megapixel_seconds": round(seconds, 2),
            "plain_image_ms_median": alone,
            "plain_image_ms_median_beside_ai": beside,
            "session_of_1000_seconds": round(plain, 1),
            "session_of_1000_with_provider_down_seconds": round(down, 1),
            "calls_to_the_provider_that_is_down": len(model.requests) - before,
        }


def _plain_latency_ms(client: Client, picture: Source) -> float:
    """The median latency of an image without AI, one at a time, in milliseconds."""
    return round(1000 * statistics.median(_send(client, [picture], _PLAIN) for _ in range(9)), 1)


def _session_seconds(client: Client, options: Options) -> float:
    """The wall time of a session of 1,000 small images, in seconds."""
    small = io.BytesIO()
    Image.effect_mandelbrot((64, 48), (-2.0, -1.2, 1.0, 1.2), 90).save(small, "PNG")
    batch = [Source(small.getvalue(), "a.png")] * _BATCH_IMAGES
    started = time.monotonic()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(pool.map(lambda _: _send(client, batch, options), range(_SESSION_BATCHES)))
    return time.monotonic() - started


def _send(client: Client, batch: list[Source], options: Options) -> float:
    """Wall seconds until the response; raises OperatorError unless it has every image."""
    started = time.monotonic()
    answer = client.send(batch, options, wait_seconds=None)
    if len(answer.images) != len(batch):
        raise OperatorError(f"A batch failed: {answer}")
    return time.monotonic() - started


def _megapixel() -> bytes:
    """A PNG of one megapixel with about the detail of a photograph."""
    drawn = Image.effect_mandelbrot((1000, 1000), (-2.0, -1.2, 1.0, 1.2), 90)
    noise = Image.effect_noise((1000, 1000), 20)
    file = io.BytesIO()
    Image.blend(drawn, noise, 0.3).convert("RGB").save(file, "PNG")
    return file.getvalue()
