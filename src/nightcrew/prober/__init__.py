"""The prober: a process of its own that looks into one stream at a time. It imports nothing of the server.

What it decodes is hostile, and the libraries that decode it (PyAV's wheel) are under the GPL: two reasons why they never
enter the server's process. The server fetches the bytes and sends them through a pipe, so the prober opens no connection.
"""
