"""Every kind of data: one file, registered by being imported."""
