"""The tools of a checkout: audit, settings page, stand-in Messages API, temporary service.

Nothing here is part of what is installed.
"""
