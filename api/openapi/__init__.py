"""The OpenAPI document, made from what the code itself works with.

- declare.py: what is said of a call beside its view; examples.py: whole bodies as examples.
- document.py: the document, from the routes of the application, their declarations and docstrings,
  the tables of fields (api/fields.py) and codes (api/codes.py).
- schemas.py: the schemas of the bodies, from their types (shared/bodies.py).
"""
