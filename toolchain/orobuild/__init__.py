"""orobuild: assembler, linker, linter and image builder for x86_64 kernels.

Importing the package imports nothing heavy; each stage is a module of its own and
`docs/design.md` says how data flows between them.
"""

__version__ = "0.1.0"
