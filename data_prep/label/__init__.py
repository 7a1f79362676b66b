"""Frames for a reader: taken from videos, and labelled in a page that needs no server."""
