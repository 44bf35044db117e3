"""Measurements of the encoders: against sharp, against each other, and for the quality curves."""
