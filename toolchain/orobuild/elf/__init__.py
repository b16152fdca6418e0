"""The ELF object model: headers, sections, symbols and relocations as the gABI names them.

`reader.read` turns bytes into an `ElfFile`; `relocatable.RelocatableWriter` and the linker's
output phase turn sections into bytes. Nothing here knows assembling, linking or linting.
"""
