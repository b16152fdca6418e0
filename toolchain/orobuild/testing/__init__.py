"""Testing a kernel on a matrix of machines: cells as values, their boots, and what came of them.

`matrix` says what is booted, `runner` boots it, `reading` turns what a machine said into results, and
`reporters` write them down. Prints nothing; who wants to see progress listens. Builds nothing: it is
handed what was built.
"""
