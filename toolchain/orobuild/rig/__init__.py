"""What a rack of real machines is handed, and how the result comes back.

`archive` is the container, `index` what a bundle says of itself, `packing` makes one of a build,
`bundle` opens, verifies and unpacks one. Prints nothing.
"""
