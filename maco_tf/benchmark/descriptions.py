"""The scores in the report: which direction is better, what each measures and what it does not."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Description:
    """What a reader needs to know about a score.

    Attributes:
        higher: whether higher is better; `None` if neither direction is.
        measures: what it measures, one or two sentences.
        blind: what it does not measure, one or two sentences.
        ranked: whether the best method is marked.
    """

    higher: bool | None
    measures: str
    blind: str
    ranked: bool = True

    @property
    def arrow(self) -> str:
        """The better direction, for titles: "↑", "↓" or nothing."""
        return "" if self.higher is None else "↑" if self.higher else "↓"


# The paper's scores, which have a table of their own.
MAIN = ("plausibility", "FID", "transferability")

# In the order of the report.
DESCRIPTIONS = {
    "plausibility": Description(
        False,
        "Euclidean distance to the nearest real image of the class, in the last layer with positions of the explained "
        "network.",
        "It does not tell whether people see the class. Weak features are close to everything, so images of low "
        "contrast that no network recognises can come first. Do not compare the values of different networks.",
    ),
    "FID": Description(
        False,
        "Distance between the set of visualisations and the set of real images.",
        "It does not tell whether any single image is good or shows its class. It is too large, most of all "
        "with few images: compare methods within this table, and not with other tables.",
    ),
    "transferability": Description(
        True,
        "Mean target probability that the judges give.",
        "It does not tell whether people recognise the class, and it does not credit features that only the explained "
        "network looks for: judges share training data and shortcuts.",
    ),
    "plausibility, normalised": Description(
        False,
        "Plausibility after the features are divided by their norms, as in Deep-KNN.",
        "It has the same limits as plausibility, except that contrast does not matter.",
    ),
    "FID-infinity": Description(
        False,
        "FID extrapolated to infinitely many visualisations.",
        "It has the same limits as FID, and the real images remain few.",
    ),
    "KID": Description(
        False,
        "Another distance between the two sets, unbiased for few images.",
        "It does not tell whether any single image is good.",
    ),
    "precision": Description(
        True,
        "Fraction of visualisations that lie among the real images in the feature space of FID: closer to one of them "
        "than its third nearest neighbour is.",
        "It does not tell whether an image shows its class. Many copies of one natural-looking image have a high "
        "precision, and a real image that is unlike all others accepts almost anything near it.",
    ),
    "recall": Description(
        True,
        "Fraction of real images that lie among the visualisations in the same sense.",
        "It does not tell whether any image is good: visualisations that differ much cover much of the feature space. "
        "It grows with their number.",
    ),
    "two-alternative": Description(
        True,
        "How often a real image of the class is more similar to the visualisation than a real image of another class, "
        "in the feature space of FID. Each image of the class is compared with the ten most similar images of other "
        "classes. Chance is 0.5.",
        "It does not tell whether people would choose like the feature network, nor whether the image is good: the "
        "typical colour of the class may be enough.",
    ),
    "top-1": Description(
        True,
        "Fraction of images whose class the judges rank first.",
        "It has the same limits as transferability.",
    ),
    "top-5": Description(
        True,
        "Fraction of images whose class the judges rank among the first five.",
        "It has the same limits as transferability.",
    ),
    "agreement": Description(
        True,
        "Mean target probability that the explained network itself gives.",
        "It does not measure quality: adversarial noise has a perfect agreement.",
    ),
    "robustness": Description(
        False,
        "Drop of the judges' target probability under crops, noise and JPEG compression; a negative value is a rise.",
        "It does not tell whether there was anything to lose: an image that shows nothing loses nothing. Read it "
        "together with transferability. The best method is not marked.",
        ranked=False,
    ),
    "diversity": Description(
        True,
        "Mean cosine distance between the images, in the feature space of FID.",
        "It does not tell whether any image is good: noise is diverse, and so are wrong answers.",
    ),
    "spectrum deviation": Description(
        False,
        "Deviation of the power spectrum from that of the real images, in decades. The real images are first resized "
        "to the size of the visualisations; enlarging removes their high frequencies.",
        "It does not measure content: noise with a natural spectrum scores 0, and MACO is designed to score low.",
    ),
    "high frequencies": Description(
        None,
        "Fraction of the variance above a quarter of a cycle per pixel. The closer to the value of real images, the "
        "better. Real images are first resized to the size of the visualisations; enlarging removes most of their high "
        "frequencies, and at their original size photographs have more.",
        "It does not tell whether high frequencies are texture or noise.",
    ),
}
