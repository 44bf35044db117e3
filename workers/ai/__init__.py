"""The step of the model: what is asked of it, by whose client, and what of its answer is kept."""
