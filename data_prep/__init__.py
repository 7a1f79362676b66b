"""Data preparation: from a data set's files to LMDB, manifest and mean image, one module an application."""
