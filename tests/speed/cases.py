"""The settings of `MacoVisualizer` that are measured, each a method of its own in every round, table and picture."""

OURS = "maco_tf"

# Name -> arguments besides model, steps, crops and image_size. A case that the model, the machine or the package
# refuses is reported with the reason. Steps are told apart by callbacks: `steps_per_execution` stays 1.
VARIANTS = {
    "maco_tf, XLA": {"jit_compile": True},
    "maco_tf, bfloat16": {"precision": "bfloat16"},
}

# Where variants are measured too, of the first network alone: they may take ten times as long.
VARIANT_CROPS = 8


def cases(crops, settings, network):
    """The cases of a network and a number of crops: dictionary, name -> arguments."""
    varied = crops == VARIANT_CROPS and network == settings.networks[0]
    return {OURS: {}, **(VARIANTS if varied else {})}
