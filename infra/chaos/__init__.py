"""Breaks a whole service on purpose, and holds it to its promise.

An accepted image always reaches an end, has one answer, is charged at most once, and bad input
hurts only itself.
"""
