"""Every place that must know a type of image knows each of them.

To add a type that is read:
    1. `shared/imagetype.py`: a member with its facts, and its signature in `type_of`.
    2. `workers/imaging/formats/probe.py`: a reader of its size and frames, and of its alpha if it
       may be transparent (types that decode without extra memory for it may go without).
    3. `workers/imaging/decoding/decode.py`: its decoder, unless Pillow decodes it by its name.
    4. `workers/cost/estimate.py`: the CPU and memory of decoding.
    5. `workers/imaging/animation/animate.py`: a reader, if its animations are read whole.
    6. A sample of it below.

To add a type that is written, give it a `longest_side` in its facts, and also:
    7. `workers/imaging/encoding/encode.py`: its encoder.
    8. `workers/imaging/strip/__init__.py`: its stripper, for passthrough.
    9. `workers/cost/encoding.py` and `bounds.py`: the CPU and memory of encoding.
    10. `workers/imaging/animation/animate.py`: a writer, if its outputs may be animations.
"""

import io
from functools import cache
from itertools import product

import pytest
from PIL import Image

from shared.imagetype import OUTPUT_TYPES, ImageType, type_of
from shared.models import Effort, Options
from shared.naming import file_name
from tests.workers.imaging.making import noise, opened, run, saved
from tests.workers.imaging.moving import flat, moving
from workers.cost import encoding
from workers.cost.estimate import DECODE_MEGABYTES, DECODE_SECONDS, estimate
from workers.imaging.animation.animate import READERS, WRITERS
from workers.imaging.decoding.decode import decode
from workers.imaging.encoding.encode import ENCODERS, encode
from workers.imaging.encoding.settings import EncoderSettings
from workers.imaging.formats.probe import probe
from workers.imaging.strip import strip

EVERY_TYPE = list(ImageType)
ANIMATIONS_READ = [kind for kind in ImageType if kind.facts.reads_animation]
ANIMATIONS_WRITTEN = [kind for kind in ImageType if kind.facts.writes_animation]

# Types whose alpha the estimate does not need to know.
ALPHA_NOT_READ = {ImageType.GIF, ImageType.TIFF, ImageType.BMP}
ALPHA_READ = [kind for kind in ImageType if kind.facts.has_alpha and kind not in ALPHA_NOT_READ]

SAMPLES: dict[ImageType, Image.Image] = {
    ImageType.WEBP: noise(),
    ImageType.AVIF: noise(),
    ImageType.JPG: noise(),
    ImageType.PNG: noise(),
    ImageType.HEIC: noise(),
    ImageType.GIF: noise().quantize(16),
    ImageType.TIFF: noise(),
    ImageType.BMP: noise(),
}


@cache
def sample(kind: ImageType) -> bytes:
    return saved(SAMPLES[kind], kind.facts.decoder)


def transparent(kind: ImageType) -> bytes:
    image = noise().convert("RGBA")
    image.putalpha(90)
    return saved(image, kind.facts.decoder)


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_every_type_is_recognised_and_probed(kind: ImageType) -> None:
    assert type_of(sample(kind)) is kind
    found = probe(sample(kind))
    assert (found.kind, found.width, found.height, found.frames) == (kind, *noise().size, 1)


@pytest.mark.parametrize("kind", ALPHA_READ)
def test_the_alpha_of_every_type_that_may_have_it_is_probed(kind: ImageType) -> None:
    assert probe(transparent(kind)).alpha
    assert not probe(sample(kind)).alpha


def test_types_without_alpha_or_with_alpha_that_is_not_read_are_probed_without() -> None:
    for kind in set(ImageType) - set(ALPHA_READ):
        assert not probe(sample(kind)).alpha, kind


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_every_type_is_decoded(kind: ImageType) -> None:
    source = decode(sample(kind), probe(sample(kind)))
    assert source.image.size == noise().size


def test_decoding_every_type_has_a_cost() -> None:
    assert set(DECODE_SECONDS) >= set(ImageType)
    assert set(DECODE_MEGABYTES) >= set(ImageType)


@pytest.mark.parametrize("kind", ANIMATIONS_READ)
def test_the_animation_of_every_type_that_is_read_whole_has_its_reader(kind: ImageType) -> None:
    data = moving(kind.facts.decoder, flat())
    assert probe(data).is_animated
    assert len(list(READERS[kind](data, probe(data)).frames)) == len(flat())


def test_no_other_type_has_a_reader_of_animations() -> None:
    assert set(READERS) == set(ANIMATIONS_READ)


def test_a_type_is_written_exactly_if_it_has_an_encoder() -> None:
    assert set(ENCODERS) == set(OUTPUT_TYPES)


@pytest.mark.parametrize("to", OUTPUT_TYPES)
def test_every_output_type_is_encoded_as_itself(to: ImageType) -> None:
    data = encode(noise(), to, EncoderSettings(82, Effort.FAST)).data
    assert type_of(data) is to


@pytest.mark.parametrize("to", OUTPUT_TYPES)
def test_every_output_type_is_stripped_of_metadata(to: ImageType) -> None:
    assert strip(sample(to), to) is not None


@pytest.mark.parametrize("to", OUTPUT_TYPES)
def test_encoding_every_output_type_has_a_cost(to: ImageType) -> None:
    assert to.value in encoding.RATES
    for kind, effort in product(ImageType, Effort):
        cost = estimate(probe(sample(kind)), len(sample(kind)), Options(to), effort)
        assert 0 < cost.cpu_seconds <= cost.max_cpu_seconds, (kind, effort)
        assert cost.memory_bytes > 0, (kind, effort)


@pytest.mark.parametrize("to", OUTPUT_TYPES)
def test_every_output_type_has_a_file_name_and_a_mime_type(to: ImageType) -> None:
    assert file_name("a", to) == f"a.{to.value}"
    assert Image.MIME[to.facts.decoder] == to.facts.mime_type


@pytest.mark.parametrize("to", ANIMATIONS_WRITTEN)
def test_every_type_that_writes_animations_has_its_writer_and_its_cost(to: ImageType) -> None:
    for kind in ANIMATIONS_READ:
        output = run(moving(kind.facts.decoder, flat()), to)
        assert getattr(Image.open(io.BytesIO(output.data)), "n_frames", 1) == len(flat())
        asked = probe(moving(kind.facts.decoder, flat()))
        assert estimate(asked, 1000, Options(to)).max_cpu_seconds > 0, kind
    assert f"{to.value}_animation" in encoding.RATES


def test_no_other_type_has_a_writer_of_animations() -> None:
    assert set(WRITERS) == set(ANIMATIONS_WRITTEN)


@pytest.mark.parametrize("to", OUTPUT_TYPES)
def test_every_type_becomes_every_output_type(to: ImageType) -> None:
    for kind in ImageType:
        assert opened(run(sample(kind), to).data).size == noise().size
