"""What a model is asked about an image, and what of its answer is let through."""
