"""What the Fourier and pixel-space baselines share."""

import dataclasses
import math
import numbers

import keras

from maco_tf.checks import check_flag, check_integer
from maco_tf.visualizers.recipes import DEFAULT, resolve_recipe
from maco_tf.visualizers.views import crops_and_noise, whole_transforms
from maco_tf.visualizers.visualizer import Visualizer


class Baseline(Visualizer):
    """A visualizer with Adam and MACO's views or Lucid's transforms; subclasses say what is free.

    Args:
        model: see `Visualizer`.
        recipes: dictionary, name -> `BaselineRecipe`.
        recipe: a name from it.
        settings: dictionary, field of the recipe -> value; `None` is the recipe's.
        transforms: list of transforms or callables instead of the recipe's.
        **options: see `Visualizer`.
    """

    def __init__(self, model, recipes, recipe, settings, *, transforms, **options):
        self.recipe, self._recipe_name = resolve_recipe(recipes, recipe, settings, options["optimizer"]), recipe
        check_integer("crops", self.recipe.crops, 1)
        check_flag("antialias", self.recipe.antialias)
        super().__init__(model, steps=self.recipe.steps, image_size=self.recipe.image_size, **options)
        self.transforms = self._views(transforms, settings)
        # Refused now where the starting values' settings are wrong, not at the first explanation.
        self.parametrization(1)

    def _views(self, transforms, settings):
        recipe, input_size = self.recipe, self.activations.input_shape[:2]
        if transforms is not None:
            crops = settings["crops"]
            return whole_transforms(transforms, crops, input_size, self.jit_compile, antialias=recipe.antialias)
        if recipe.transform_set is not None:
            chosen = recipe.transform_set(self.image_size)
            return whole_transforms(chosen, recipe.crops, input_size, self.jit_compile, antialias=recipe.antialias)
        if settings["antialias"] is not None:
            raise ValueError(
                '"antialias" belongs to the resizing of transformed views. Received: it with the recipe '
                f'{self._recipe_name!r}, whose crops are antialiased. Give "transforms", or another recipe.'
            )
        return crops_and_noise(dataclasses.replace(DEFAULT, crops=recipe.crops), input_size, self.jit_compile)

    def default_optimizer(self):
        rate = self.recipe.learning_rate
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            return keras.optimizers.Adam(rate)
        if isinstance(rate, bool) or not isinstance(rate, numbers.Real) or not 0 < rate < math.inf:
            raise ValueError(
                f'"learning_rate" must be a finite number above 0, or a Keras schedule. Received: {rate!r}.'
            )
        return keras.optimizers.Adam(float(rate))

    def config(self):
        return {
            "method": self.method,
            "recipe": self._recipe_name,
            **self.common_config(),
            "std": self.recipe.std,
            "stretch": self.recipe.stretch,
            **self.own_config(),
        }
