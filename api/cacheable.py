"""A response that browsers keep, and ask about again by its ETag."""

import gzip
import hashlib
from functools import lru_cache

from flask import Response, request

ASK_AGAIN = "no-cache"  # kept, and asked by its ETag whether it is still right
FOR_AN_HOUR = "public, max-age=3600"
_TEXTS = ("text/", "application/json", "image/svg+xml")


def cacheable(body: bytes, content_type: str, cache_control: str = ASK_AGAIN) -> Response:
    """A response with an ETag, or 304 where the client has it already; texts are compressed."""
    is_text = content_type.startswith(_TEXTS)
    is_compressed = is_text and request.accept_encodings.quality("gzip") > 0
    response = Response(_gzipped(body) if is_compressed else body, content_type=content_type)
    digest = hashlib.sha256(body).hexdigest()[:32]
    # Each form has a validator of its own (RFC 9110, 8.8.3).
    response.set_etag(f"{digest}-gzip" if is_compressed else digest)
    if is_compressed:
        response.headers["Content-Encoding"] = "gzip"
    if is_text:
        response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = cache_control
    response.make_conditional(request)
    return response


@lru_cache(maxsize=128)
def _gzipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)
