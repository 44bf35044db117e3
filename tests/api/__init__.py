"""What a client of the HTTP API can rely on, whatever it sends.

The requests go over real sockets to real processes: to the whole running service, or to an API
without workers whose work the tests do themselves. Here belong status codes, bodies, headers, and
what one client can cost another. How images are encoded belongs to tests/workers.
"""
