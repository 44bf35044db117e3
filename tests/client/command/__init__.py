"""The client's command line, without the operator's: run as a person runs it."""
