"""Hypothesis without its deadline for an example: it is wall time, which a busy machine exceeds."""

from hypothesis import settings

settings.register_profile("without deadline", deadline=None)
settings.load_profile("without deadline")
