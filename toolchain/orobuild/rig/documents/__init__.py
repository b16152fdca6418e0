"""The texts of a bundle that are written for somebody: a person at the rack, labgrid, LAVA.

Each is a function from what the bundle's index will say to the bytes of a file; same values, same bytes.
"""

from orobuild.rig.documents import labgrid_templates, lava_job, rack_readme

__all__ = ["labgrid_templates", "lava_job", "rack_readme"]
