"""From pixels to files: formats, quality, sizes in bytes, and what encoders must not do.

With the real encoders on sample photographs. The score of a quality is measured here in short, and
by infra/benchmarks on many photographs.
"""
