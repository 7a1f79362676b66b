"""A package of a user's own: one application, found by its entry point."""

from setuptools import setup

setup(
    name="leaves",
    version="0.1",
    packages=["leaves"],
    entry_points={"ftcaffe.applications": ["leaves = leaves:LEAVES"]},
)
