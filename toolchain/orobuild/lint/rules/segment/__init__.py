"""SEG: what a linked image's segments and sections promise, and where control can go."""
