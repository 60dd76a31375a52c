"""A process of its own that makes films of what was recorded, and reads finished ones from end to end.

Nothing is encoded anew. What it is told and what it says is in `wire.py`; libav is used in this process alone, as what a
stranger sent may make it fail. It imports nothing of the server.
"""
