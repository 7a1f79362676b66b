# BVLC Caffe 1.0 (upstream git 99bd997 of 21 August 2018, as Debian bullseye packaged it) with its Python module, built on
# Debian bookworm, and ftcaffe beside it.
#   make image-caffe
#   docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/study" ftcaffe-caffe ftcaffe --help
# Targets: cpu. (A target cuda is to stand beside it.)

FROM debian:bookworm-slim AS cpu-build
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      g++ cmake make dpkg-dev patch \
      libboost-system-dev libboost-thread-dev libboost-filesystem-dev libboost-python-dev \
      libprotobuf-dev protobuf-compiler libgoogle-glog-dev libgflags-dev \
      libhdf5-dev liblmdb-dev libopenblas-dev libopencv-dev python3-dev python3-numpy \
 && rm -rf /var/lib/apt/lists/*

# Where the source package lies: empty for the pool of the mirror that the base image names. Once bullseye has moved,
# http://archive.debian.org/debian/pool/main/c/caffe; any folder with the three files does, as the checksums decide.
ARG CAFFE_POOL=
ARG CAFFE_VERSION=1.0.0+git20180821.99bd997
WORKDIR /usr/src
RUN pool=${CAFFE_POOL:-$(sed -n '/^URIs: */{s///;p;q}' /etc/apt/sources.list.d/debian.sources)/pool/main/c/caffe} \
 && fetch() { /usr/lib/apt/apt-helper download-file "$pool/caffe_$1" "caffe_$1" "SHA256:$2"; } \
 && fetch "$CAFFE_VERSION-8.dsc" c492f4893fc1ba1fb514b2d9b4763bc78dc93571ea24adc6e604eccbb93cdd64 \
 && fetch "$CAFFE_VERSION.orig.tar.gz" e0eb3f06794f7402c77b7dec8e8480273ee1a1bb192e9122b621a69d4147ad0c \
 && fetch "$CAFFE_VERSION-8.debian.tar.xz" 07cf073227494a6b07234e40cb5df91db566616593eef9baafdc4d06ad159f21 \
 && dpkg-source -x "caffe_$CAFFE_VERSION-8.dsc" caffe

COPY docker/patches patches
RUN for change in patches/*.patch; do patch -d caffe -p1 --fuzz=0 <"$change" || exit 1; done \
 && cmake -S caffe -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/opt/caffe \
      -DCPU_ONLY=ON -DUSE_LEVELDB=OFF -DBLAS=Open \
      -DBUILD_docs=OFF -DBUILD_matlab=OFF -Dpython_version=3 \
 && make -C build -j"$(nproc)" \
 && make -C build install/strip \
 && rm -r build /opt/caffe/include /opt/caffe/share /opt/caffe/lib/libcaffeproto.a


FROM debian:bookworm-slim AS cpu
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
 && rm -rf /var/lib/apt/lists/*

COPY --from=cpu-build /opt/caffe /opt/caffe
# Found by any user and by a bare chroot alike, so no PATH or PYTHONPATH is asked for.
RUN ln -s /opt/caffe/bin/* /usr/local/bin/ \
 && echo /opt/caffe/lib/python3/dist-packages >/usr/lib/python3/dist-packages/caffe.pth \
 && mkdir -m 1777 /home/ftcaffe /study \
 && caffe --version \
 && python3 -c 'import caffe; print("caffe", caffe.__version__, len(caffe.layer_type_list()), "layer types")'

COPY . /usr/src/ftcaffe
RUN python3 -m pip install --no-deps --no-build-isolation --no-cache-dir --break-system-packages /usr/src/ftcaffe \
 && rm -r /usr/src/ftcaffe \
 && ftcaffe --version

# Whoever the container runs as can write there: settings and font caches need a home.
ENV HOME=/home/ftcaffe
WORKDIR /study
CMD ["ftcaffe", "--help"]
