"""From bytes to pixels: each type by its own decoder, and damaged files as errors.

With files by real encoders, whole, cut short and overwritten. Sizes from headers belong to formats.
"""
