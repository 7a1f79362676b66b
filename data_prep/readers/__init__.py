"""Readers of video and images with their masks, and the layouts of the public data sets."""
