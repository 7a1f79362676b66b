"""Training: one run and its log, and the sweep that plans and does many."""
