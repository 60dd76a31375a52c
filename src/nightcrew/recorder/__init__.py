"""The recorder: a process of its own that holds several recordings and outlives the server.

The server writes orders (`wire`), the recorder writes ledgers (`ledger`); files are all that lies between them, so either
may be killed at any time and the other goes on. Only this package imports streamlink.
"""
