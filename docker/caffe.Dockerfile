# BVLC Caffe 1.0 (upstream git 99bd997 of 21 August 2018, the one that Debian bullseye packaged) with its Python module,
# built on Debian bookworm, and ftcaffe beside it.
#   make image-caffe             docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/study" ftcaffe-caffe ftcaffe --help
#   make image-caffe-cuda        docker run --rm --gpus all -u … -v … ftcaffe-caffe-cuda ftcaffe doctor
# Targets: cpu; cuda, for GPUs from Maxwell to Hopper and by PTX beyond; cuda-check, which is cuda with Caffe's own test
# program and gpu-check. Caffe's own GPU kernels and cuBLAS are used, no cuDNN, since Debian's package only downloads it,
# and no NCCL: one GPU a run. CUDA comes from Debian's non-free archive, the driver from the NVIDIA container runtime.

FROM debian:bookworm-slim AS source
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      ca-certificates g++ cmake make patch \
      libboost-system-dev libboost-thread-dev libboost-filesystem-dev libboost-python-dev \
      libprotobuf-dev protobuf-compiler libgoogle-glog-dev libgflags-dev \
      libhdf5-dev liblmdb-dev libopenblas-dev libopencv-dev python3-dev python3-numpy \
 && rm -rf /var/lib/apt/lists/*

# Where the source lies, and its SHA-256 where that is not Debian's tarball: see docker/fetch.sh.
ARG CAFFE_SOURCE=
ARG CAFFE_SHA256=
WORKDIR /usr/src
COPY docker/fetch.sh docker/fetch.sh
COPY docker/source docker/source
COPY docker/patches docker/patches
RUN docker/fetch.sh caffe "$CAFFE_SOURCE" "$CAFFE_SHA256" \
 && for change in docker/patches/*.patch; do patch -d caffe -p1 --fuzz=0 <"$change" || exit 1; done
COPY docker/compile.sh docker/compile.sh


FROM source AS cpu-build
RUN docker/compile.sh -DCPU_ONLY=ON


FROM source AS cuda-build
# CUDA 11.8 refuses g++ 12, so everything is compiled by g++ 11.
RUN sed -i 's/^Components: main$/Components: main contrib non-free/' /etc/apt/sources.list.d/debian.sources \
 && apt-get update \
 && apt-get install -y --no-install-recommends nvidia-cuda-toolkit gcc-11 g++-11 \
 && rm -rf /var/lib/apt/lists/*
# Machine code for these compute capabilities, and PTX that drivers compile for newer ones.
ARG CUDA_REAL="50 60 70 75 80 86 90"
ARG CUDA_PTX="90"
RUN docker/compile.sh -DCPU_ONLY=OFF -DUSE_CUDNN=OFF -DUSE_NCCL=OFF \
      -DCMAKE_C_COMPILER=gcc-11 -DCMAKE_CXX_COMPILER=g++-11 \
      -DCUDA_ARCH_NAME=Manual "-DCUDA_ARCH_BIN=$CUDA_REAL" "-DCUDA_ARCH_PTX=$CUDA_PTX"


FROM debian:bookworm-slim AS runtime
# python3-scipy depends on python3-pythran (a compiler: 493 MB with g++ and the Boost headers), which it needs only while
# scipy itself is built; an empty package of that name keeps those out.
ARG DEBIAN_FRONTEND=noninteractive
RUN mkdir -p /tmp/pythran/DEBIAN \
 && printf '%s\n' 'Package: python3-pythran' 'Version: 999' 'Architecture: all' 'Maintainer: none <none@localhost>' \
      'Description: empty stand-in' >/tmp/pythran/DEBIAN/control \
 && dpkg-deb -b /tmp/pythran /tmp/pythran.deb && dpkg -i /tmp/pythran.deb && rm -r /tmp/pythran /tmp/pythran.deb \
 && apt-get update \
 && apt-get install -y --no-install-recommends \
      libboost-thread1.74.0 libboost-filesystem1.74.0 libboost-python1.74.0 \
      libprotobuf32 libgoogle-glog0v6 libgflags2.2 libhdf5-103-1 libhdf5-hl-100 liblmdb0 \
      libopenblas0-pthread libopencv-core406 libopencv-imgproc406 libopencv-imgcodecs406 \
      python3 libpython3.11 python3-pip python3-numpy python3-scipy python3-skimage python3-h5py python3-lmdb \
      python3-protobuf python3-matplotlib python3-pil python3-jinja2 python3-tqdm python3-av \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -m 1777 /home/ftcaffe /study
# Whoever the container runs as can write to that home: settings and font caches need one.
ENV HOME=/home/ftcaffe
WORKDIR /study
CMD ["ftcaffe", "--help"]


# The toolkit in a tree of its own, so that what comes before it in the images stays cached when it changes.
FROM runtime AS toolkit
COPY . /usr/src/ftcaffe
RUN python3 -m pip install --no-deps --no-build-isolation --no-cache-dir --break-system-packages --root /out \
      /usr/src/ftcaffe


FROM runtime AS cpu
COPY --from=cpu-build /out /
COPY --from=toolkit /out /
RUN caffe --version \
 && python3 -c 'import caffe; print("caffe", caffe.__version__, len(caffe.layer_type_list()), "layer types")' \
 && ftcaffe --version


FROM runtime AS cuda
ARG DEBIAN_FRONTEND=noninteractive
# Without recommended packages: libcuda1 would compete with the driver that the container runtime brings.
RUN sed -i 's/^Components: main$/Components: main contrib non-free/' /etc/apt/sources.list.d/debian.sources \
 && apt-get update \
 && apt-get install -y --no-install-recommends libcudart11.0 libcublas11 libcurand10 \
 && rm -rf /var/lib/apt/lists/*
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=cuda-build /out /
COPY --from=toolkit /out /
RUN caffe --version \
 && python3 -c 'import caffe; print("caffe", caffe.__version__, len(caffe.layer_type_list()), "layer types")' \
 && ftcaffe --version


FROM cuda-build AS cuda-tests
RUN make -C build -j"$(nproc)" test.testbin


FROM cuda AS cuda-check
# The tests find their pictures by paths from the root of the source tree.
COPY --from=cuda-tests /usr/src/build/test/test.testbin /opt/caffe/bin/
COPY --from=cuda-tests /usr/src/caffe/src/caffe/test/test_data /usr/src/caffe/src/caffe/test/test_data
COPY --from=cuda-tests /usr/src/caffe/examples/images /usr/src/caffe/examples/images
COPY benchmarks /opt/ftcaffe/benchmarks
COPY tests/parity /opt/ftcaffe/tests/parity
COPY docker/gpu-check.sh /usr/local/bin/gpu-check
CMD ["gpu-check"]
