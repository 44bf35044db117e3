"""What schemathesis cannot know from a schema: the bytes of a PNG."""

import schemathesis
from hypothesis import strategies

from tests.support.making import png

schemathesis.openapi.media_type("image/png", strategies.just(png()))
