"""Answers about code that ran: what is at an address, and what leads there.

Takes images and facts of machines as values; starts no machine and prints nothing.
"""
