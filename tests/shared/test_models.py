"""What is stored in a row as JSON comes back unchanged."""

from shared.imagetype import ImageType
from shared.models import Options, Position, Watermark


def test_options_survive_their_row() -> None:
    for mark in (None, Watermark(33, 44, Position.TL)):
        options = Options(ImageType.AVIF, 70, 1600, None, mark)
        assert Options.from_json(options.to_json()) == options


def test_the_default_options_are_stored_as_they_always_were() -> None:
    assert Options().to_json() == {
        "format": "webp",
        "quality": 82,
        "max_width": None,
        "max_height": None,
        "watermark": None,
        "brief": None,
    }
