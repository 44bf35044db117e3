"""Attacks a whole service on the loopback, and measures what an innocent account feels meanwhile.

Whoever attacks may harm itself only: others are answered as before, or refused politely for some
seconds; no process is killed and nothing fills.
"""
