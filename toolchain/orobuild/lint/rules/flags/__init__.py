"""FLG: what a kernel's code may not use: the red zone, registers that nobody saves."""
