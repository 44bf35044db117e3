"""A response that browsers keep, and ask about again by its ETag."""

import hashlib

from flask import Response, request

ASK_AGAIN = "no-cache"  # kept, and asked by its ETag whether it is still right
FOR_AN_HOUR = "public, max-age=3600"


def cacheable(body: bytes, content_type: str, cache_control: str = ASK_AGAIN) -> Response:
    """A response with an ETag, or 304 where the client has it already."""
    response = Response(body, content_type=content_type)
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    response.headers["Cache-Control"] = cache_control
    response.make_conditional(request)
    return response
