"""Small networks of the architectures of keras-hub that see images."""

from collections.abc import Callable
from typing import Any

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from keras_hub.src.models.pali_gemma.pali_gemma_vit import PaliGemmaVit
from keras_hub.src.models.sam3.sam3_vision_encoder import SAM3VisionEncoder
from keras_hub.src.models.vae.vae_backbone import VAEBackbone

from tests.any_model.architectures import Architecture

hub = keras_hub.models
SIDE = 32
SHAPE = (SIDE, SIDE, 3)
MODELS: list[Architecture] = []

Build = Callable[[], keras.Model]


def model(family: str, name: str, **others: Any) -> Callable[[Build], Build]:
    """Add the model that a function makes to the list."""

    def add(build: Build) -> Build:
        MODELS.append(Architecture("keras-hub", family, name, build, **others))
        return build

    return add


def constant(value: np.ndarray) -> keras.layers.Layer:
    """A layer that gives the same value for every image."""
    return keras.layers.Lambda(lambda x: tf.broadcast_to(value, (tf.shape(x)[0], *value.shape)))


def ones_beside(images: str, **shapes: tuple[int, ...]) -> Callable[[keras.Model], keras.Model]:
    """Wrap a model of several inputs: the other inputs are constants of ones.

    Args:
        images: the name of the input that takes the images.
        **shapes: the shapes of the other inputs, without the batch; (4,) by default.
    """

    def wrap(whole: keras.Model) -> keras.Model:
        image = keras.Input(SHAPE)
        inputs = {
            tensor.name: constant(np.ones(shapes.get(tensor.name, (4,)), tensor.dtype))(image)
            for tensor in whole.inputs
        }
        # Some models take several images.
        several = any(tensor.name == images and len(tensor.shape) == 5 for tensor in whole.inputs)
        inputs[images] = keras.ops.repeat(image[:, None], 1, axis=1) if several else image
        return keras.Model(image, whole(inputs))

    return wrap


# Convolutional networks.


@model("CSPNet", "CSPNetImageClassifier")
def csp() -> keras.Model:
    backbone = hub.CSPNetBackbone(
        stem_filters=8,
        stem_kernel_size=3,
        stem_strides=1,
        stackwise_strides=2,
        stackwise_depth=[1, 2],
        stackwise_num_filters=[16, 24],
        image_shape=SHAPE,
        down_growth=True,
        bottle_ratio=(0.5, 1.0),
        block_ratio=(1.0, 0.5),
        expand_ratio=(2.0, 1.0),
        block_type="dark_block",
        stage_type="csp",
        stem_padding="same",
    )
    return hub.CSPNetImageClassifier(backbone, num_classes=5)


@model("DenseNet", "DenseNetImageClassifier")
def densenet() -> keras.Model:
    backbone = hub.DenseNetBackbone(stackwise_num_repeats=[2, 2], growth_rate=8, image_shape=SHAPE)
    return hub.DenseNetImageClassifier(backbone, num_classes=5)


def efficientnet(blocks: str) -> keras.Model:
    backbone = hub.EfficientNetBackbone(
        stackwise_width_coefficients=[1.0] * 3,
        stackwise_depth_coefficients=[1.0] * 3,
        stackwise_kernel_sizes=[3, 3, 5],
        stackwise_num_repeats=[1, 2, 1],
        stackwise_input_filters=[8, 8, 16],
        stackwise_output_filters=[8, 16, 24],
        stackwise_expansion_ratios=[1, 4, 4],
        stackwise_squeeze_and_excite_ratios=[0.0, 0.25, 0.25],
        stackwise_strides=[1, 2, 2],
        stackwise_block_types=[blocks] * 3,
        stackwise_force_input_filters=[0] * 3,
        stackwise_nores_option=[False] * 3,
        num_features=32,
        input_shape=SHAPE,
    )
    return hub.EfficientNetImageClassifier(backbone, num_classes=5, activation="softmax")


@model("EfficientNet", "EfficientNetImageClassifier (v1 blocks)")
def efficientnet_v1() -> keras.Model:
    return efficientnet("v1")


@model("EfficientNet", "EfficientNetImageClassifier (fused blocks)")
def efficientnet_v2() -> keras.Model:
    return efficientnet("fused")


def hgnet(shape: tuple[int | None, ...] = SHAPE, **others: Any) -> keras.Model:
    return hub.HGNetV2Backbone(
        depths=[1, 1, 1],
        embedding_size=8,
        hidden_sizes=[16, 16, 16],
        stem_channels=[3, 8, 8],
        hidden_act="relu",
        use_learnable_affine_block=True,
        stackwise_stage_filters=[(8, 8, 16, 1, 2, 3), (16, 8, 16, 1, 2, 3), (16, 8, 16, 1, 2, 3)],
        apply_downsample=[False, True, True],
        use_lightweight_conv_block=[False, False, True],
        image_shape=shape,
        **others,
    )


@model("HGNetV2", "HGNetV2ImageClassifier")
def hgnet_classifier() -> keras.Model:
    return hub.HGNetV2ImageClassifier(hgnet(), preprocessor=None, num_classes=5, head_filters=16)


@model("MobileNet", "MobileNetImageClassifier")
def mobilenet() -> keras.Model:
    backbone = hub.MobileNetBackbone(
        stackwise_expansion=[[16], [24, 24]],
        stackwise_num_blocks=[1, 2],
        stackwise_num_filters=[[8], [16, 16]],
        stackwise_kernel_size=[[3], [5, 5]],
        stackwise_num_strides=[[2], [2, 1]],
        stackwise_se_ratio=[[None], [0.25, 0.25]],
        stackwise_activation=[["relu"], ["hard_swish", "hard_swish"]],
        stackwise_padding=[[1], [2, 2]],
        output_num_filters=32,
        depthwise_filters=8,
        depthwise_stride=2,
        depthwise_residual=False,
        last_layer_filter=32,
        squeeze_and_excite=0.5,
        input_num_filters=8,
        image_shape=SHAPE,
    )
    return hub.MobileNetImageClassifier(backbone, num_classes=5, num_features=16)


@model("MobileNetV5", "MobileNetV5ImageClassifier")
def mobilenet_v5() -> keras.Model:
    backbone = hub.MobileNetV5Backbone(
        stackwise_block_types=[["er"], ["uir", "mqa"]],
        stackwise_num_blocks=[1, 2],
        stackwise_num_filters=[[8], [16, 16]],
        stackwise_strides=[[2], [2, 1]],
        stackwise_act_layers=[["relu"], ["gelu", "gelu"]],
        stackwise_exp_ratios=[[4.0], [4.0, 1.0]],
        stackwise_se_ratios=[[0.0], [0.0, 0.0]],
        stackwise_dw_kernel_sizes=[[0], [5, 3]],
        stackwise_dw_start_kernel_sizes=[[0], [0, 0]],
        stackwise_dw_end_kernel_sizes=[[0], [0, 0]],
        stackwise_exp_kernel_sizes=[[3], [0, 0]],
        stackwise_pw_kernel_sizes=[[1], [0, 0]],
        stackwise_num_heads=[[0], [0, 2]],
        stackwise_key_dims=[[0], [0, 8]],
        stackwise_value_dims=[[0], [0, 8]],
        stackwise_kv_strides=[[0], [0, 1]],
        stackwise_use_cpe=[[False], [False, False]],
        stem_size=8,
        num_features=32,
        use_msfa=True,
        msfa_output_resolution=4,
        image_shape=SHAPE,
    )
    return hub.MobileNetV5ImageClassifier(backbone, num_classes=5, head_hidden_size=16)


def resnet(block: str, *, pre: bool = False, shape: tuple[int | None, ...] = SHAPE, stages: int = 2) -> keras.Model:
    return hub.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        # The first must be 64.
        stackwise_num_filters=[64, 16, 16, 16][:stages],
        stackwise_num_blocks=[1] * stages,
        stackwise_num_strides=[1, 2, 2, 2][:stages],
        block_type=block,
        use_pre_activation=pre,
        image_shape=shape,
    )


@model("ResNet", "ResNetImageClassifier (bottleneck)")
def resnet_v1() -> keras.Model:
    return hub.ResNetImageClassifier(resnet("bottleneck_block"), num_classes=5)


@model("ResNet", "ResNetImageClassifier (v2, basic)")
def resnet_v2() -> keras.Model:
    return hub.ResNetImageClassifier(resnet("basic_block", pre=True), num_classes=5)


@model("ResNet", "ResNetImageClassifier (vd)")
def resnet_vd() -> keras.Model:
    return hub.ResNetImageClassifier(resnet("bottleneck_block_vd"), num_classes=5)


@model("VGG", "VGGImageClassifier")
def vgg() -> keras.Model:
    backbone = hub.VGGBackbone(stackwise_num_repeats=[1, 2], stackwise_num_filters=[8, 16], image_shape=SHAPE)
    return hub.VGGImageClassifier(backbone, num_classes=5, pooling="flatten", pooling_hidden_dim=16)


@model("Xception", "XceptionImageClassifier")
def xception() -> keras.Model:
    backbone = hub.XceptionBackbone(
        stackwise_conv_filters=[[8, 16], [24, 24], [32, 32]],
        stackwise_pooling=[False, True, False],
        image_shape=(71, 71, 3),
    )
    return hub.XceptionImageClassifier(backbone, num_classes=5)


# Transformers.


def vit_arguments(**others: Any) -> dict[str, Any]:
    return {"image_shape": SHAPE, "patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 16, **others}


@model("ViT", "ViTImageClassifier")
def vit() -> keras.Model:
    backbone = hub.ViTBackbone(**vit_arguments(patch_size=(8, 8), mlp_dim=32))
    return hub.ViTImageClassifier(backbone, num_classes=5)


@model("DeiT", "DeiTImageClassifier")
def deit() -> keras.Model:
    backbone = hub.DeiTBackbone(**vit_arguments(intermediate_dim=32))
    return hub.DeiTImageClassifier(backbone, num_classes=5)


@model("Swin Transformer", "SwinTransformerImageClassifier")
def swin() -> keras.Model:
    backbone = hub.SwinTransformerBackbone(
        image_shape=SHAPE, embed_dim=16, depths=(2, 2), num_heads=(2, 2), window_size=4, patch_size=4
    )
    return hub.SwinTransformerImageClassifier(backbone, num_classes=5)


def mit(shape: tuple[int, int, int] = SHAPE) -> keras.Model:
    return hub.MiTBackbone(
        image_shape=shape,
        num_layers=2,
        hidden_dims=[8, 16],
        layerwise_depths=[1, 1],
        layerwise_num_heads=[1, 2],
        layerwise_sr_ratios=[2, 1],
        layerwise_patch_sizes=[7, 3],
        layerwise_strides=[4, 2],
        max_drop_path_rate=0.1,
    )


@model("MiT", "MiTImageClassifier")
def mit_classifier() -> keras.Model:
    return hub.MiTImageClassifier(mit(), num_classes=5)


@model("DINOv2", "DINOV2Backbone")
def dinov2() -> keras.Model:
    return dinov2_backbone()


def dinov2_backbone(**others: Any) -> keras.Model:
    return hub.DINOV2Backbone(
        **vit_arguments(
            intermediate_dim=32, num_register_tokens=4, use_swiglu_ffn=True, position_embedding_shape=SHAPE, **others
        )
    )


@model("DINOv3", "DINOV3Backbone")
def dinov3() -> keras.Model:
    return hub.DINOV3Backbone(**vit_arguments(intermediate_dim=32))


@model("ViTDet", "ViTDetBackbone")
def vit_det() -> keras.Model:
    return hub.ViTDetBackbone(
        hidden_size=16,
        num_layers=2,
        intermediate_dim=32,
        num_heads=2,
        global_attention_layer_indices=[1],
        patch_size=4,
        num_output_channels=8,
        window_size=2,
        image_shape=SHAPE,
    )


@model("CLIP", "CLIPVisionEncoder")
def clip_vision() -> keras.Model:
    return hub.CLIPVisionEncoder(**vit_arguments(intermediate_dim=32))


@model("MetaCLIP 2", "MetaCLIP2VisionEncoder")
def metaclip_vision() -> keras.Model:
    return hub.MetaCLIP2VisionEncoder(**vit_arguments(intermediate_dim=32))


@model("SigLIP", "SigLIPVisionEncoder")
def siglip_vision() -> keras.Model:
    return hub.SigLIPVisionEncoder(**vit_arguments(intermediate_dim=32))


@model("BLIP-2", "BLIP2VisionEncoder")
def blip2_vision() -> keras.Model:
    return hub.BLIP2VisionEncoder(
        image_size=SIDE,
        patch_size=8,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        use_patch_bias=True,
        use_class_token=True,
        use_mha_bias=True,
        use_mlp_bias=True,
        dropout_rate=0.0,
        layer_norm_epsilon=1e-6,
        initializer_range=0.02,
    )


@model("PaliGemma", "PaliGemmaVit")
def pali_gemma_vit() -> keras.Model:
    return PaliGemmaVit(
        image_size=SIDE, patch_size=8, num_heads=2, hidden_dim=16, num_layers=2, intermediate_dim=32, num_classes=5
    )


# Segmentation, detection, depth, autoencoders.


@model("BASNet", "BASNetImageSegmenter")
def basnet() -> keras.Model:
    encoder = hub.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 16, 16, 16],
        stackwise_num_blocks=[2, 2, 2, 2],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
    )
    backbone = hub.BASNetBackbone(encoder, num_classes=1, image_shape=(64, 64, 3), projection_filters=64)
    return hub.BASNetImageSegmenter(backbone)


@model("DeepLabV3+", "DeepLabV3ImageSegmenter")
def deeplab() -> keras.Model:
    backbone = hub.DeepLabV3Backbone(
        image_encoder=resnet("basic_block", stages=4, shape=(None, None, 3)),
        spatial_pyramid_pooling_key="P5",
        low_level_feature_key="P2",
        upsampling_size=8,
        dilation_rates=[2, 4],
        projection_filters=8,
        image_shape=(64, 64, 3),
    )
    return hub.DeepLabV3ImageSegmenter(backbone, num_classes=5, activation="softmax")


@model("SegFormer", "SegFormerImageSegmenter")
def segformer() -> keras.Model:
    return hub.SegFormerImageSegmenter(hub.SegFormerBackbone(mit(), projection_filters=8), num_classes=5)


@model("RetinaNet", "RetinaNetObjectDetector")
def retinanet() -> keras.Model:
    backbone = hub.RetinaNetBackbone(
        image_encoder=resnet("basic_block", stages=4, shape=(None, None, 3)),
        min_level=3,
        max_level=5,
        use_p5=False,
        image_shape=(64, 64, 3),
    )
    return hub.RetinaNetObjectDetector(backbone, num_classes=5, pre_logits_num_conv_layers=1)


@model("D-FINE", "DFineObjectDetector", weight=1e8)
def dfine() -> keras.Model:
    shape = (64, 64, 3)
    backbone = hub.DFineBackbone(
        backbone=hgnet(shape, out_features=["stage2", "stage3"]),
        decoder_in_channels=[16, 16],
        encoder_hidden_dim=16,
        num_denoising=0,
        num_labels=5,
        hidden_dim=16,
        learn_initial_query=False,
        num_queries=10,
        anchor_image_size=shape[:2],
        feat_strides=[8, 16],
        num_feature_levels=2,
        encoder_in_channels=[16, 16],
        encode_proj_layers=[1],
        num_attention_heads=2,
        encoder_ffn_dim=16,
        num_encoder_layers=1,
        hidden_expansion=0.5,
        depth_multiplier=0.5,
        eval_idx=-1,
        num_decoder_layers=2,
        decoder_attention_heads=2,
        decoder_ffn_dim=16,
        decoder_n_points=[2, 2],
        lqe_hidden_dim=8,
        num_lqe_layers=2,
        out_features=["stage2", "stage3"],
        image_shape=shape,
        seed=0,
    )
    return hub.DFineObjectDetector(backbone, num_classes=5, bounding_box_format="yxyx")


@model("Depth Anything", "DepthAnythingDepthEstimator")
def depth_anything() -> keras.Model:
    backbone = hub.DepthAnythingBackbone(
        image_encoder=dinov2_backbone(),
        reassemble_factors=[2, 1],
        neck_hidden_dims=[8, 8],
        fusion_hidden_dim=8,
        head_hidden_dim=8,
        head_in_index=-1,
        feature_keys=["stage1", "stage2"],
    )
    return hub.DepthAnythingDepthEstimator(backbone, depth_estimation_type="relative")


def vae(method: str) -> keras.Model:
    return VAEBackbone(
        encoder_num_filters=[32, 32],
        encoder_num_blocks=[1, 1],
        decoder_num_filters=[32, 32],
        decoder_num_blocks=[1, 1],
        sampler_method=method,
        sample_channels=8,
    )


@model("VAE of Stable Diffusion 3", "VAEBackbone (mode)", settings={"input_shape": SHAPE})
def vae_mode() -> keras.Model:
    return vae("mode")


@model("VAE of Stable Diffusion 3", "VAEBackbone (sample)", settings={"input_shape": SHAPE})
def vae_sample() -> keras.Model:
    return vae("sample")


@model("SAM 3", "SAM3VisionEncoder in a model")
def sam3() -> keras.Model:
    encoder = SAM3VisionEncoder(
        image_shape=SHAPE,
        patch_size=4,
        num_layers=2,
        hidden_dim=16,
        intermediate_dim=32,
        num_heads=2,
        fpn_hidden_dim=8,
        fpn_scale_factors=[2.0, 1.0],
        pretrain_image_shape=SHAPE,
        window_size=2,
        global_attn_indexes=[1],
    )
    image = keras.Input(SHAPE)
    return keras.Model(image, encoder(image))


# Models that do not take one batch of images: refused, with the wrapper that works.


@model("VideoPrism", "VideoPrismBackbone", wrap=lambda video: video_of_one_image(video))
def video_prism() -> keras.Model:
    return hub.VideoPrismBackbone(
        num_frames=2,
        patch_size=8,
        hidden_dim=16,
        intermediate_dim=32,
        num_heads=2,
        num_spatial_layers=1,
        num_temporal_layers=1,
        num_auxiliary_layers=0,
        image_shape=SHAPE,
    )


def video_of_one_image(video: keras.Model) -> keras.Model:
    image = keras.Input(SHAPE)
    return keras.Model(image, video(keras.ops.repeat(image[:, None], 2, axis=1)))


@model("Gemma 3", "Gemma3VisionEncoder", wrap=lambda images: several_of_one_image(images))
def gemma3_vision() -> keras.Model:
    return hub.Gemma3VisionEncoder(
        image_size=SIDE,
        patch_size=8,
        num_heads=2,
        hidden_dim=16,
        num_layers=2,
        intermediate_dim=32,
        output_dim=16,
        pool_size=2,
    )


def several_of_one_image(images: keras.Model) -> keras.Model:
    image = keras.Input(SHAPE)
    return keras.Model(image, images(keras.ops.repeat(image[:, None], 1, axis=1)))


def text_arguments(**others: Any) -> dict[str, Any]:
    return {
        "vocabulary_size": 16,
        "embedding_dim": 16,
        "hidden_dim": 16,
        "num_layers": 1,
        "num_heads": 2,
        "intermediate_dim": 32,
        "max_sequence_length": 4,
        **others,
    }


@model("CLIP", "CLIPBackbone", wrap=ones_beside("images"))
def clip() -> keras.Model:
    return hub.CLIPBackbone(clip_vision(), hub.CLIPTextEncoder(**text_arguments()), projection_dim=16)


@model("SigLIP", "SigLIPBackbone", wrap=ones_beside("images"))
def siglip() -> keras.Model:
    return hub.SigLIPBackbone(siglip_vision(), hub.SigLIPTextEncoder(**text_arguments(projection_dim=16)))


@model("MetaCLIP 2", "MetaCLIP2Backbone", wrap=ones_beside("images"))
def metaclip() -> keras.Model:
    return hub.MetaCLIP2Backbone(metaclip_vision(), hub.MetaCLIP2TextEncoder(**text_arguments()), projection_dim=16)


@model("PARSeq", "PARSeqBackbone", wrap=ones_beside("images"))
def parseq() -> keras.Model:
    encoder = hub.ViTBackbone(**vit_arguments(patch_size=(8, 8), mlp_dim=32, use_class_token=False))
    return hub.PARSeqBackbone(
        image_encoder=encoder,
        vocabulary_size=16,
        max_label_length=4,
        decoder_hidden_dim=16,
        num_decoder_layers=1,
        num_decoder_heads=2,
        decoder_mlp_dim=32,
    )


@model(
    "SAM",
    "SAMImageSegmenter",
    wrap=ones_beside("images", points=(1, 2), labels=(1,), boxes=(1, 2, 2), masks=(0, SIDE, SIDE, 1)),
)
def sam() -> keras.Model:
    encoder = hub.ViTDetBackbone(
        hidden_size=16,
        num_layers=2,
        intermediate_dim=32,
        num_heads=2,
        global_attention_layer_indices=[1],
        patch_size=4,
        num_output_channels=8,
        window_size=2,
        image_shape=SHAPE,
    )
    backbone = hub.SAMBackbone(
        image_encoder=encoder,
        prompt_encoder=keras_hub.layers.SAMPromptEncoder(
            hidden_size=8, image_embedding_size=(8, 8), input_image_size=(SIDE, SIDE), mask_in_channels=4
        ),
        mask_decoder=keras_hub.layers.SAMMaskDecoder(
            num_layers=1,
            hidden_size=8,
            intermediate_dim=16,
            num_heads=2,
            embedding_dim=8,
            num_multimask_outputs=3,
            iou_head_depth=2,
            iou_head_hidden_dim=8,
        ),
    )
    return hub.SAMImageSegmenter(backbone)


@model("PaliGemma", "PaliGemmaBackbone", wrap=ones_beside("images"))
def pali_gemma() -> keras.Model:
    return hub.PaliGemmaBackbone(
        vocabulary_size=16,
        image_size=SIDE,
        num_layers=1,
        num_query_heads=2,
        num_key_value_heads=1,
        hidden_dim=16,
        intermediate_dim=32,
        head_dim=8,
        vit_patch_size=8,
        vit_num_heads=2,
        vit_hidden_dim=16,
        vit_num_layers=1,
        vit_intermediate_dim=32,
    )


@model("Gemma 3", "Gemma3Backbone", wrap=ones_beside("images", token_ids=(8,), padding_mask=(8,), vision_mask=(8,)))
def gemma3() -> keras.Model:
    return hub.Gemma3Backbone(
        vocabulary_size=16,
        image_size=SIDE,
        num_layers=1,
        num_query_heads=2,
        num_key_value_heads=1,
        hidden_dim=16,
        intermediate_dim=32,
        head_dim=8,
        vision_encoder=gemma3_vision(),
    )
