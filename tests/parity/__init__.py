"""The engine held against BVLC Caffe: cases, what the original computed for them, and the original itself."""
