"""The extractors, one file a kind."""
