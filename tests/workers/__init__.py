"""The steps of an image, the sweep and the Celery tasks, over real servers.

Faults are injected here: a store that is down, a lost claim, a killed worker. The packages below
have their own subjects: imaging, cost, memory and ai.
"""
