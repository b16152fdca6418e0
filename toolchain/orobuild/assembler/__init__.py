"""The assembler: GNU assembly text to an ELF relocatable.

`assemble` is the entry point. Importing this package is cheap: the phases behind it are loaded
when a file is assembled.
"""
