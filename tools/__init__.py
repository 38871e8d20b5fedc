"""Maintainers' scripts: bundled classifiers, digits and releases; tables of docs/; sizes of files and functions."""
