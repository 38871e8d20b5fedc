"""Faster exact CPU versions of operators, chosen by shape. Not needed to understand, use or extend ganzoo."""
