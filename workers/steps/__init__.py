"""The steps of an image and its batch, in the order in which they run. No Celery in here.

measuring:  load ▶ probe ▶ plan ▶ write all estimates ▶ dispatch, for a whole batch   (I/O queue)
express:    measuring, and at once optimising and closing where it may    (express queue)
optimising: claim ▶ load ▶ probe ▶ plan ▶ admit memory ▶ imaging ▶ save ▶ commit  (CPU queue)
describing: claim ▶ load preview ▶ ask the model ▶ check ▶ commit, if asked for      (AI queue)
closing:    close the batch ▶ delete its inputs, but for what a retry needs           (I/O queue)
calling:    claim ▶ read the batch ▶ sign ▶ call its webhook ▶ commit, if asked for   (calls queue)

A step raises only UnavailableError, while a server is down, and the task catches it: an error in a
chord's header would skip the body.
"""

from workers.steps.calling import call_webhook
from workers.steps.closing import close_batch
from workers.steps.describing import describe
from workers.steps.express import express
from workers.steps.measuring import measure
from workers.steps.optimising import optimise

__all__ = ["call_webhook", "close_batch", "describe", "express", "measure", "optimise"]
