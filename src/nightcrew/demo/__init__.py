"""A small world of invented television providers: real servers on loopback, for demo, tests and benchmarks.

It imports nothing else of nightcrew, so that no mistake of the product can hide in the thing it is tested against.
"""
