"""`python -m ganzoo.evaluation.check_inception`: compare our FID with a published one of real images."""
