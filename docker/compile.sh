#!/bin/sh
# Compiles the patched source in ./caffe and lays it out under /out as an image takes it: compile.sh CMAKE-OPTION…
# CUDA_REAL and CUDA_PTX in the environment are the GPU architectures of a build with CUDA, as "70 80".
set -eu
cmake -S caffe -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/opt/caffe \
  -DUSE_LEVELDB=OFF -DBLAS=Open -DBUILD_docs=OFF -DBUILD_matlab=OFF -Dpython_version=3 "$@"
make -C build -j"$(nproc)"
make -C build install/strip
rm -r /opt/caffe/include /opt/caffe/share /opt/caffe/lib/libcaffeproto.a

# Found by any user and by a bare chroot alike, so no PATH or PYTHONPATH is asked for.
mkdir -p /out/opt /out/usr/local/bin /out/usr/lib/python3/dist-packages
mv /opt/caffe /out/opt/
for program in /out/opt/caffe/bin/*; do
  ln -s "/opt/caffe/bin/$(basename "$program")" /out/usr/local/bin/
done
echo /opt/caffe/lib/python3/dist-packages >/out/usr/lib/python3/dist-packages/caffe.pth

# What was built, for `ftcaffe doctor` and for the message about a GPU that the build has no code for.
list() { echo "[$(echo "$1" | sed 's/  */, /g')]"; }
cuda=null
if [ -n "${CUDA_REAL-}${CUDA_PTX-}" ]; then
  cuda=$(nvcc --version | sed -n 's/.*release \([0-9.]*\),.*/"\1"/p')
fi
printf '{"cuda": %s, "real": %s, "ptx": %s}\n' "$cuda" "$(list "${CUDA_REAL-}")" "$(list "${CUDA_PTX-}")" \
  >/out/opt/caffe/lib/python3/dist-packages/caffe/build.json
