"""ftcaffe: how deep should a pre-trained network be tuned? A Caffe-faithful toolkit for medical images."""

__version__ = "0.2.0"
