"""Pre-trained weights: fetched, made from photographs, and checked against a net."""
