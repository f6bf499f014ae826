"""The real images that scores are taken against, with whatever all cells share computed once."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from maco_tf.benchmark.networks import Networks
from maco_tf.benchmark.settings import BenchmarkSettings
from maco_tf.images import ImageSet, readable_files
from maco_tf.metrics.fit import fit_image
from maco_tf.metrics.kernel_distance import KernelSums
from maco_tf.metrics.power_spectrum import PowerSpectrum, high_frequency_fraction, power_spectrum
from maco_tf.metrics.precision_recall import squared_radii
from maco_tf.objectives.imagenet_labels import wnids


class Spectra(NamedTuple):
    """The power spectra of a set of images.

    Attributes:
        profiles: array (count, channels, bins), the radial profile of each image.
        high: array (count,), the fraction of high frequencies; NaN for an image of a single colour, which has none.
        mean: the mean power spectrum.
    """

    profiles: np.ndarray
    high: np.ndarray
    mean: PowerSpectrum


class Reference:
    """The real images of the classes of a benchmark that no method has seen.

    Args:
        settings: a `BenchmarkSettings` with real images.
        networks: its networks.
    """

    def __init__(self, settings: BenchmarkSettings, networks: Networks) -> None:
        self._settings, self._networks = settings, networks
        self._features: dict[str, list[np.ndarray]] = {}
        # The balls around the real images of some classes.
        self._radii: dict[tuple[int, ...], np.ndarray] = {}

    @functools.cached_property
    def files(self) -> Mapping[int, list[str]]:
        """Class number -> paths of its images, without damaged files, so that all scores have the same rows.

        Raises:
            ValueError: no image of a class can be read.
        """
        listed = {index: self._settings.compared_files(index) for index in self._settings.classes}
        readable = set(readable_files([path for paths in listed.values() for path in paths]))
        files = {index: [path for path in paths if path in readable] for index, paths in listed.items()}
        empty = [wnids()[index] for index, paths in files.items() if not paths]
        if empty:
            raise ValueError(
                '"real_images" must hold a readable image of every class. Received: only damaged files of '
                f"{', '.join(empty[:5])}."
            )
        return files

    @property
    def all_files(self) -> list[str]:
        """The paths of the images of all classes."""
        return [path for files in self.files.values() for path in files]

    def features(self, network: str) -> list[np.ndarray]:
        """The features of the images: one array (images, channels) for every class.

        Args:
            network: see `Networks.features`.
        """
        if network not in self._features:
            self._features[network] = self._split(self._networks.features(network, self.all_files))
        return self._features[network]

    @functools.cached_property
    def kernel(self) -> np.ndarray:
        """The sums of KID's kernel between classes; see `KernelSums.within`."""
        return KernelSums.within(self.features(self._settings.features))

    def radii(self, positions: tuple[int, ...]) -> np.ndarray:
        """The squared distances of images to their neighbours; see `squared_radii`.

        Args:
            positions: the positions of the classes to which the set is limited.
        """
        if positions not in self._radii:
            features = self.features(self._settings.features)
            self._radii[positions] = squared_radii(np.concatenate([features[i] for i in positions]))
        return self._radii[positions]

    @functools.cached_property
    def spectra(self) -> Spectra:
        """The spectra of the images, resized to the size of the visualisations, as for the published magnitude."""
        return spectra_of(self.all_files, self._settings.image_size)

    @property
    def profiles(self) -> list[np.ndarray]:
        """The radial profiles of the images: one array for every class."""
        return self._split(self.spectra.profiles)

    @property
    def high_frequencies(self) -> list[np.ndarray]:
        """The fractions of high frequencies: one array for every class."""
        return self._split(self.spectra.high)

    def _split(self, rows: np.ndarray) -> list[np.ndarray]:
        return np.split(rows, np.cumsum([len(files) for files in self.files.values()])[:-1])


def spectra_of(paths: Sequence[str], side: int) -> Spectra:
    """The power spectra of image files.

    Args:
        paths: at least one file.
        side: side of the square to which the images are resized first, pixels.
    """
    return _spectra(fit_image(image, side, side) for image in ImageSet(list(paths)))


def _spectra(images: Iterable[np.ndarray]) -> Spectra:
    profiles: list[np.ndarray] = []
    high: list[float] = []
    total = np.zeros(())
    for image in images:
        spectrum = power_spectrum([image])
        total = total + spectrum.values
        profiles.append(spectrum.radial_profile()[1])
        try:
            high.append(high_frequency_fraction(spectrum))
        except ValueError:
            high.append(float("nan"))
    return Spectra(np.array(profiles), np.array(high), PowerSpectrum(total / len(profiles), spectrum.width))
