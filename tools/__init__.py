"""Scripts for maintainers: classifiers and digits that ship, and the making of releases, the size of files and functions."""
