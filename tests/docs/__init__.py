"""The examples of README.md and docs/: each block is run as it stands, or has a reason not to."""
