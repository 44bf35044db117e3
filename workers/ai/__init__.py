"""Alt texts and file names from a model: the prompt, the call, and the checks of the answer."""
