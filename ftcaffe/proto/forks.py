"""Forks of Caffe by what only they know: layer types and fields of messages.

A net made for a fork is met far more often than a misspelt one, so errors name the fork. Where several have a type or
field, the one that it comes from stands for all.
"""

from __future__ import annotations

# Fork → its layer types, then its fields.
_FORKS: dict[str, tuple[str, str]] = {
    "SSD": (
        "AnnotatedData DetectionEvaluate DetectionOutput MultiBoxLoss Normalize Permute PriorBox VideoData",
        "annotated_data_param detection_evaluate_param detection_output_param multibox_loss_param norm_param "
        "permute_param prior_box_param video_data_param resize_param noise_param distort_param expand_param "
        "emit_constraint eval_type ap_version show_per_class_result plateau_winsize",
    ),
    "Fast and Faster R-CNN": (
        "ROIPooling SmoothL1Loss",
        "roi_pooling_param smooth_l1_loss_param",
    ),
    "R-FCN": (
        "PSROIPooling BoxAnnotatorOHEM SmoothL1LossOHEM SoftmaxWithLossOHEM",
        "psroi_pooling_param box_annotator_ohem_param",
    ),
    "deformable convolutional networks": (
        "DeformableConvolution DeformablePSROIPooling",
        "deformable_convolution_param deformable_psroi_pooling_param",
    ),
    "Microsoft Caffe": ("Proposal ROIAlign", "proposal_param"),
    "SegNet": (
        "Upsample BN DenseImageData",
        "upsample_param bn_param dense_image_data_param class_weighting weight_by_label_freqs",
    ),
    "DeepLab": (
        "Interp ImageSegData SegAccuracy MatRead MatWrite DenseCRF UniqueLabel DomainTransform SpatialProduct "
        "AdaptiveBiasChannel",
        "interp_param seg_accuracy_param mat_read_param mat_write_param densecrf_param domain_transform_param hole "
        "hole_h hole_w label_type",
    ),
    "HED": ("ImageLabelmapData", ""),
    "CRF-RNN": ("MultiStageMeanfield", "multi_stage_meanfield_param"),
    "ENet": ("SpatialDropout PoolingMask UpsamplingMask", ""),
    "NVCaffe": (
        "DetectNetTransformation L1Loss AxpyLayer",
        "default_forward_type default_backward_type default_forward_math default_backward_math forward_type "
        "backward_type forward_math backward_math global_grad_scale global_grad_scale_adaptive reduce_buckets "
        "default_conv_algos_override conv_algos_override default_cudnn_math_override cudnn_math_override "
        "cudnn_convolution_algo_seeker store_blobs_in_old_format parser_threads rampup_interval rampup_lr min_lr "
        "local_lr_auto local_gw_ratio larc larc_policy larc_turbo detectnet_groundtruth_param "
        "detectnet_augmentation_param random_resize_param use_gpu_transform img_rand_resize_lower "
        "img_rand_resize_upper",
    ),
    "Intel Caffe": (
        "MKLDNN Quantize DeQuantize SplitRelu",
        "quantization_param disconnect bn_stats_batch_size kernel_init_from_file net_config_engine",
    ),
    "FlowNet": (
        "Correlation Correlation1D FlowWarp CustomData DataAugmentation GenerateAugmentationParameters "
        "FlowAugmentation Resample ChannelNorm Accum Downsample ImgWriter FLOWriter FloatWriter FloatReader Mean",
        "correlation_param augmentation_param coeff_schedule_param l1_loss_param resample_param mean_param "
        "writer_param reader_param",
    ),
    "C3D": (
        "Convolution3D Pooling3D Deconvolution3D VideoDataC3D",
        "kernel_depth temporal_stride temporal_pad filter_group",
    ),
    "depthwise convolution (MobileNet)": ("DepthwiseConvolution ConvolutionDepthwise", ""),
    "ShuffleNet": ("ShuffleChannel", "shuffle_channel_param"),
    "ReLU6 (MobileNetV2)": ("ReLU6", "relu6_param"),
    "SENet": ("Axpy", ""),
    "YOLO for Caffe": (
        "Reorg Region RegionLoss Yolov3 YoloDetectionOutput Yolov3DetectionOutput UpsampleDarknet",
        "reorg_param region_loss_param yolo_detection_output_param yolov3_param",
    ),
    "center loss (caffe-face)": ("CenterLoss", "center_loss_param"),
    "large-margin softmax and SphereFace": (
        "LargeMarginInnerProduct MarginInnerProduct",
        "largemargin_inner_product_param margin_inner_product_param",
    ),
    "NormFace and CosFace": (
        "NormalizedInnerProduct LabelSpecificAdd LabelSpecificMargin",
        "label_specific_add_param label_specific_margin_param",
    ),
    "triplet loss": ("TripletLoss TripletSelect RankHardLoss", "triplet_loss_param triplet_param"),
    "spatial transformer": ("SpatialTransformer STLoss", "st_param st_loss_param"),
    "OpenPose and CPM": (
        "CPMData ImResize Nms NmsCaffe Connectlimb",
        "cpm_transform_param imresize_param nms_param",
    ),
    "Ristretto": ("ConvolutionRistretto FcRistretto LRNRistretto DeconvolutionRistretto", ""),
    "CTC for Caffe": ("CTCLoss WarpCTCLoss CTCDecoder CTCGreedyDecoder", "ctc_loss_param ctc_decoder_param"),
    "compact bilinear pooling": ("CompactBilinear SignedSqrt", "compact_bilinear_param"),
    "focal loss": ("FocalLoss", "focal_loss_param"),
}
_OF_TYPE = {name: fork for fork, (types, _) in _FORKS.items() for name in types.split()}
_OF_FIELD = {name: fork for fork, (_, fields) in _FORKS.items() for name in fields.split()}


def of_type(name: str) -> str | None:
    """The fork that a layer type comes from, None where that is not known."""
    return _OF_TYPE.get(name)


def of_field(name: str) -> str | None:
    """The fork that a field of a message comes from, None where that is not known."""
    return _OF_FIELD.get(name)
