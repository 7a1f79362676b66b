"""Candidates for lesions in a frame: from a table, or from a generator (a function of a frame)."""
