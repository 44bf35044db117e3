"""From Pillow's name of a type to ours."""

from shared.imagetype import ImageType

TYPES = {one.facts.decoder: one for one in ImageType}
