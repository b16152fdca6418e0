"""The rules, one file each, in a package per family. `orobuild.lint.registry` finds them."""
