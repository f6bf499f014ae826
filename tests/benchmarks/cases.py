"""The settings of `MacoVisualizer` that are measured, each a method of its own in every round, table and picture."""

OURS = "maco_tf"

# Name -> arguments besides model, steps, crops and image_size. A case that the model, the machine or the package
# refuses is reported with the reason. Steps are told apart by callbacks: `steps_per_execution` stays 1.
CASES = {
    OURS: {},
}
