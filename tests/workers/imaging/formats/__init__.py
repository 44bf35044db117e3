"""Readers of containers and headers: size, frames and alpha of an upload before it is decoded.

With files by real encoders and files made by hand, box by box. What is read must match what the
decoder makes of the same file. Decoding itself does not belong here.
"""
