"""ASM: what the source of an assembly file, or assembly inside another language, says."""
