"""A process of its own that reads one programme guide, which is a stranger's file.

Reading takes memory and processor time that the file's author chooses, and a parser in C may have faults that nobody knows yet.
In a process both have limits that hold, and the server goes on whatever happens. It imports nothing of the server.
"""
