"""What is stored in a row as JSON comes back unchanged."""

from shared.imagetype import ImageType
from shared.models import Options, Position, Watermark


def test_options_survive_their_row() -> None:
    for mark in (None, Watermark(33, 44, Position.TL)):
        options = Options(ImageType.AVIF, 70, 1600, None, mark)
        assert Options.from_json(options.to_json()) == options
