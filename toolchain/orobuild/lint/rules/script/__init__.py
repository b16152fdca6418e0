"""LDS: what a linker script promises about permissions, and where its patterns lead."""
