"""What runs the service: commands, embedded servers, supervisor, migrations and deployment files.

Real processes and real servers throughout, and the files as they are shipped. Chaos and benchmarks
run in a short form. What the API answers is tested in tests/api, what tasks do in tests/workers.
"""
