"""Synthetic data sets, written as files in a layout that the readers take."""
