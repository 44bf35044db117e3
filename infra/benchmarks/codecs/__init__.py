"""Measurements of the encoders: against sharp, against each other, and of the quality scale."""
