"""Figures: each takes what was measured and an axes, and returns the axes."""
