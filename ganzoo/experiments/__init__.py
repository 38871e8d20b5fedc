"""Comparisons and ablations: cells (variant x setting x seed) -> results -> report."""
