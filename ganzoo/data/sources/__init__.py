"""Data sources; each module registers its sources when it is imported."""
