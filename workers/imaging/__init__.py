"""The imaging engine as pure functions: bytes and options in, bytes and facts out."""

from workers.imaging.job import ImageJob
from workers.imaging.pipeline import Output, process

__all__ = ["ImageJob", "Output", "process"]
