"""Running a bundle on places of a lab, with labgrid's drivers.

`drivers` is what labgrid is given: a strategy and a QEMU machine. `worker` is a process that has one place in
its hands, since labgrid's steps belong to one thread and a driver may hang; `place` is this side of it,
`session` runs many places and has the results. labgrid is imported by `drivers` and `worker` only.
"""
