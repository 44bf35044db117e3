"""Changes of geometry: scaling into a box, and turning upright.

With whole files through the engine. Every orientation in every format is in tests/conformance.
"""
