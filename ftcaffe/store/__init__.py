"""Caffe's data files: LMDB of Datum records, mean images; and whole-or-absent writing."""
