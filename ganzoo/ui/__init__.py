"""Checkpoints for a person: a page over all of them, a page to explore them, a picture found again by one of them."""
