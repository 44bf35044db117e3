"""The steps of an image and its batch. No Celery in here.

Nothing is raised but UnavailableError where Postgres is away, and that the task catches: in a
chord's header an error would skip the body.
"""

from workers.steps.closing import close_batch
from workers.steps.describing import describe
from workers.steps.optimising import optimise

__all__ = ["close_batch", "describe", "optimise"]
