"""The original's command line: the ``caffe`` binary's commands and the tools that people script against."""
