"""Regions to interfaces: confidence maps, snakes, thickness."""
