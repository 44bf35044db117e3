"""The results look as the standards of the formats say, measured in pixels.

With files of flat patches and with the formulas of the standards (`reference.py`), which share no
code with the engine: colours by profile and by code points, PNG and JPEG in every layout, sizes,
orientation, transparency. How the engine works inside, and damaged files, do not belong here.
"""
