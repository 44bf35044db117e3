"""Limits of codecs that they read from the environment when they are first used."""

import os


def set_codec_limits() -> None:
    """Sets them for this process and what it starts, where nobody has; before the first image."""
    # Threads of the PNG encoder: one image uses one core.
    os.environ.setdefault("RAYON_NUM_THREADS", "1")
    # libtiff's own bound on the scans of a JPEG within a TIFF is 100; imaging.formats.jpeg tells
    # why that is too many.
    os.environ.setdefault("LIBTIFF_JPEG_MAX_ALLOWED_SCAN_NUMBER", "25")
