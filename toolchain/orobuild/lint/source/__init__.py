"""Assembly as its author wrote it: files and macros, without encoding anything.

Importing this package is cheap; its modules load when they are used.
"""
