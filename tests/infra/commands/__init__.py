"""The operator's command line, run as an operator runs it, on embedded servers.

The embedded servers alone are tested in tests/infra/embedded.
"""
