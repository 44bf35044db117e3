"""How an image will be made, from its header alone: when it is measured, and before it is made."""

from shared.models import Options
from shared.settings import Settings
from workers.cost.plan import Limits, Plan, plan
from workers.imaging.formats.probe import Probe, check_animation, check_limits, probe

# Of the task limit, which is in wall time: a core has other work too.
_CPU_SHARE = 0.5


def planned(
    settings: Settings, options: Options, data: bytes, memory_bytes: float
) -> tuple[Probe, Plan]:
    """What the upload is, and how it will be made.

    memory_bytes: what one image may need. Raises ImageError for what is no image, or too large in
    any respect.
    """
    facts = probe(data)
    check_limits(facts, settings.max_pixels, settings.max_frames)
    check_animation(facts, options.format, settings.max_animation_pixels)
    limits = Limits(settings.task_limit_seconds * _CPU_SHARE, memory_bytes)
    return facts, plan(facts, len(data), options, settings.effort, limits)
