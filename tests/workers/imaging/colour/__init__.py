"""Any mode and any profile to 8-bit sRGB, in single colours.

With small flat images through the engine. Charts of colours, code points and chunks of PNG are in
tests/conformance.
"""
