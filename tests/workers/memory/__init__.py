"""Memory admission: images of all processes of a machine never need more than it has.

The processes are real, hold real locks and are really killed. What an image needs is estimated
in workers/cost, whose tests say how well.
"""
