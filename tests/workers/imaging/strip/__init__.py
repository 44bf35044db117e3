"""Files without their metadata: the same pixels, and nothing beside them.

With a file of every layout that has a secret planted wherever its format has room for one. When a
stripped upload is used as the result belongs to test_passthrough.py.
"""
