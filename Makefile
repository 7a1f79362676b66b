# The project's own commands; each installs what it needs. FTCAFFE_CACHE is where the roots of the oracles are kept.
PYTHON ?= python3
CACHE := $(or $(FTCAFFE_CACHE),$(HOME)/.cache/ftcaffe)
APPLICATIONS := polyp pe frames cimt
BIN := .venv/bin

.PHONY: help .venv lint test demo demo-pe demo-frames demo-cimt nets proto oracle image-caffe image-caffe-cuda image-cuda gpu-check clean

help: ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

.venv: .venv/installed
.venv/installed: setup.py pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[engine,video,volumes,dicom,handcrafted,test,lint]'
	touch $@

lint: .venv ## style, types and the Dockerfiles
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/hadolint docker/*.Dockerfile

test: lint ## lint, then every test; FTCAFFE_ORACLE=DIR compares with the BVLC Caffe in that root too
	FTCAFFE_CACHE="$(CACHE)" $(BIN)/pytest -n 2

demo: .venv ## from synthetic videos to the comparison of tuning depths, in work/demo
	PATH="$(CURDIR)/$(BIN):$$PATH" demo/polyp work/demo

demo-pe: .venv ## from synthetic CT angiograms to the comparison of tuning depths with features, in work/demo-pe
	PATH="$(CURDIR)/$(BIN):$$PATH" demo/pe work/demo-pe

demo-frames: .venv ## from synthetic procedures to ROC curves, a timeline and a labelling page, in work/demo-frames
	PATH="$(CURDIR)/$(BIN):$$PATH" demo/frames work/demo-frames

demo-cimt: .venv ## from synthetic ultrasound to errors of the interfaces by tuning depth, in work/demo-cimt
	PATH="$(CURDIR)/$(BIN):$$PATH" demo/cimt work/demo-cimt

nets: .venv ## write prototxt/ and solvers/ anew
	for application in $(APPLICATIONS); do $(BIN)/ftcaffe nets $$application || exit; done

proto: .venv ## compile caffe.proto to caffe.descriptor
	$(BIN)/python -m grpc_tools.protoc -I ftcaffe/proto --descriptor_set_out=ftcaffe/proto/caffe.descriptor caffe.proto

oracle: ## Debian bullseye's own Caffe in a root folder (as root), for FTCAFFE_ORACLE
	docker/oracle.sh $(CACHE)/bullseye
	@echo "next: FTCAFFE_ORACLE=$(CACHE)/bullseye make test"

image-caffe: ## the image with BVLC Caffe 1.0 on the CPU
	docker/build.sh caffe.Dockerfile cpu ftcaffe-caffe

image-caffe-cuda: ## the image with BVLC Caffe 1.0 on a GPU, and beside it (ftcaffe-caffe-cuda-check) Caffe's own tests
	docker/build.sh caffe.Dockerfile cuda ftcaffe-caffe-cuda
	docker/build.sh caffe.Dockerfile cuda-check ftcaffe-caffe-cuda-check

image-cuda: ## the image with PyTorch on a GPU
	docker/build.sh cuda.Dockerfile cuda ftcaffe-cuda

gpu-check: .venv ## the original and the engine, on CPU and GPU, on the same nets: losses, weights, speed, in work/gpu-check
	$(BIN)/python benchmarks/gpu_check.py --out work/gpu-check

clean: ## remove the environment and the caches of the tools
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
