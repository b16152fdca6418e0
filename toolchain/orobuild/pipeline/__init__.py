"""The build: from a `Project` to linted, delivered outputs, cached and in parallel.

`build.build` runs the stages in order; everything it writes, it writes through `outputs`.
"""
