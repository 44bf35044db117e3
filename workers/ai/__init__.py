"""Alt texts and file names: what a model is asked, how it is called, what of its answer is kept."""
