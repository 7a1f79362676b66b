#!/bin/sh
# In the image: Caffe's own test program, then the original's sides of benchmarks/gpu_check.py, into the working folder.
# Without a GPU neither says anything of one: exit status 3, as gpu_check's.
set -eu
if ! nvidia-smi -L 2>/dev/null | grep -q '^GPU'; then
  echo "gpu-check: no GPU is seen, so nothing was checked; run the image with --gpus all" >&2
  exit 3
fi
status=0
(cd /usr/src/caffe && LD_LIBRARY_PATH=/opt/caffe/lib /opt/caffe/bin/test.testbin) || status=1
python3 /opt/ftcaffe/benchmarks/gpu_check.py "$@" || status=$?
exit "$status"
