"""Animations: GIF and animated WebP in, animated WebP and AVIF out, frame by frame."""

from workers.imaging.animation.animate import animate

__all__ = ["animate"]
