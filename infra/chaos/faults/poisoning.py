"""Uploads that end the process that opens them."""

from itertools import cycle

from fluximage import Source
from infra.chaos.environment import IMAGE_WORKERS
from infra.chaos.experiment import COUNT_REPEATED_EVENTS, Experiment
from infra.chaos.load import BATCH_IMAGES, files, picture
from infra.chaos.poison import Poison, poisoned

_HARMFUL = [poison for poison in Poison if poison is not Poison.SLOW]

# Exactly the poisoned images and the files that are no images have to fail.
_COUNT_WRONG_ENDS = """
SELECT count(*)
FROM images
WHERE (state = 'failed')
    <> (original_name LIKE 'poison-%' OR error_code = 'unsupported_image')
"""


def poison(experiment: Experiment) -> None:
    """Images that segfault, kill, loop, exit and exhaust memory, ten each among good ones."""
    uploads = list(files(experiment.count))
    good = [place for place in range(experiment.count) if place % BATCH_IMAGES != BATCH_IMAGES - 1]
    places = experiment.random.sample(good, experiment.scaled(10) * len(_HARMFUL))
    for place, kind in zip(places, cycle(_HARMFUL), strict=False):
        uploads[place] = Source(poisoned(picture(), kind), f"poison-{kind}.png")
    with experiment.require_alive(*IMAGE_WORKERS):
        experiment.inject_under_load(lambda: None, 0, 10, uploads)
    experiment.figures = {"poisoned": len(places)}
    wrong = experiment.query_number(_COUNT_WRONG_ENDS)
    experiment.require(not wrong, f"{wrong} images did not end as they should")
    often = experiment.query_number(COUNT_REPEATED_EVENTS, "claimed", 3)
    experiment.require(not often, f"{often} images ran more than three times")
