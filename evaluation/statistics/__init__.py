"""Arrays in, results out: curves, fitted models, intervals, tests, errors of boundaries and their agreement."""
