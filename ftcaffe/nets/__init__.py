"""The study's networks and solvers: Tables I and II of the paper as prototxt."""
