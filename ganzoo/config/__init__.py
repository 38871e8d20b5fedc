"""Settings of a run: schema, recipes, defaults, compatibility, techniques."""
