"""Run configuration: schema, recipes, defaults, compatibility checks, technique table."""
