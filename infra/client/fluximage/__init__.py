"""The Python client of fluximage: it speaks the HTTP API and knows nothing of the server's code.

from fluximage import Client

with Client("http://127.0.0.1:8080", key) as client:
    for result in client.compress(["photos"], format="avif", max_width=1600):
        ...
"""
