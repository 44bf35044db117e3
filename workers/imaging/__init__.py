"""Image work as pure functions: bytes and options in, bytes and facts out."""

from workers.imaging.pipeline import Output, process

__all__ = ["Output", "process"]
