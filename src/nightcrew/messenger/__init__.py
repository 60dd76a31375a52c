"""A process of its own that passes one message to one of the many services that apprise knows.

apprise is large, blocks, and cannot be interrupted from outside: in a process it has a time limit that holds, its memory is
given back, and it can be kept from reading files. It imports nothing of the server.
"""
