"""Uploads that take down the process that opens them."""

from itertools import cycle

from infra.chaos.environment import IMAGE_WORKERS
from infra.chaos.experiment import Trial
from infra.chaos.load import BATCH_IMAGES, files, picture
from infra.chaos.poison import Poison, poisoned

_HARMFUL = [poison for poison in Poison if poison is not Poison.SLOW]


def poison(trial: Trial) -> None:
    """Pictures that segfault, kill, loop, leave and run out of memory, ten each among good ones."""
    uploads = list(files(trial.count))
    good = [place for place in range(trial.count) if place % BATCH_IMAGES != BATCH_IMAGES - 1]
    places = trial.random.sample(good, trial.share(10) * len(_HARMFUL))
    for place, kind in zip(places, cycle(_HARMFUL), strict=False):
        uploads[place] = (f"poison-{kind}.png", poisoned(picture(), kind))
    with trial.sparing(*IMAGE_WORKERS):
        trial.storm(lambda: None, 0, 10, uploads)
    trial.figures = {"poisoned": len(places)}
    wrong = trial.tally(
        "SELECT count(*) FROM images WHERE (state = 'failed')"
        " <> (original_name LIKE 'poison-%' OR error_code = 'unsupported_image')"
    )
    trial.demand(not wrong, f"{wrong} images did not end as they should")
    often = trial.tally(
        "SELECT count(*) FROM (SELECT FROM chaos_events WHERE event = 'claimed'"
        " GROUP BY id HAVING count(*) > 3) AS often"
    )
    trial.demand(not often, f"{often} images ran more than three times")
