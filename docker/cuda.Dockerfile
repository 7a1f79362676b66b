# ftcaffe on its own engine: PyTorch with CUDA. PyTorch's wheels bring the CUDA libraries, the NVIDIA container runtime
# brings the driver, so nothing of CUDA is installed here.
#   make image-cuda
#   docker run --rm --gpus all -u "$(id -u):$(id -g)" -v "$PWD:/study" ftcaffe-cuda ftcaffe sweep polyp
# The GPU is the default: FTCAFFE_GPU is the number of the one used; -e FTCAFFE_GPU= computes on the CPU.

FROM debian:bookworm-slim AS cuda
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*

# PyTorch alone first: gigabytes that a change of the toolkit leaves cached. PIP_EXTRA_INDEX_URL, one of PyTorch's own
# indices, chooses a build for another CUDA.
ARG PIP_EXTRA_INDEX_URL=
ENV PATH=/opt/venv/bin:$PATH
COPY constraints.txt /usr/src/
RUN python3 -m venv /opt/venv \
 && pip install --no-cache-dir -c /usr/src/constraints.txt torch numpy

COPY . /usr/src/ftcaffe
RUN pip install --no-cache-dir -c /usr/src/constraints.txt '/usr/src/ftcaffe[engine,video]' \
 && rm -r /usr/src/ftcaffe /usr/src/constraints.txt \
 && mkdir -m 1777 /home/ftcaffe /study \
 && ftcaffe --version \
 && python3 -c 'import ftcaffe.engine as caffe; print(len(caffe.layer_type_list()), "layer types")'

# Whoever the container runs as can write to that home: settings and font caches need one.
ENV HOME=/home/ftcaffe \
    FTCAFFE_ENGINE=torch \
    FTCAFFE_GPU=0 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /study
CMD ["ftcaffe", "--help"]
