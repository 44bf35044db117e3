"""The command line of the client: `fluximage COMMAND`, built on `fluximage.Client`."""
