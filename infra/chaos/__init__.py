"""Breaks a whole service on purpose, and checks that it keeps its promise.

An accepted image always reaches an end, has one answer, and is charged at most once. Bad input
harms only itself.
"""
