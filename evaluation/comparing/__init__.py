"""Runs and score sets side by side: what is compared, every pair of them, and the answer in words."""
