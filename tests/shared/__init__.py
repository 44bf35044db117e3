"""The code that the API and the workers share: settings, names, plans, types, dispatch.

What stores or reads does so in the real Postgres, Valkey and S3 server of the run. Requests
belong to tests/api, and the steps of an image to tests/workers.
"""
