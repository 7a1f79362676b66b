"""Scoring, curves, intervals, figures, tables and the page that holds them."""
