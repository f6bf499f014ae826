"""The scores of the report: which way is better, and what each does not measure."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Description:
    """What to know of a score before reading it.

    Attributes:
        higher: whether higher is better; `None` where neither is.
        blind: what it does not measure, a line.
        ranked: whether the best method is marked.
    """

    higher: bool | None
    blind: str
    ranked: bool = True

    @property
    def arrow(self):
        """The better direction, for titles."""
        return "" if self.higher is None else "↑" if self.higher else "↓"


# The paper's, for a table of their own.
MAIN = ("plausibility", "FID", "transferability")

# In the order of the report.
DESCRIPTIONS = {
    "plausibility": Description(
        False,
        "distance to the nearest real image of the class, raw L2 in the explained network's last layer with positions. "
        "Not whether people see the class; and as weak features are near to everything, images of low contrast that "
        "nothing recognises may be first. Networks do not compare.",
    ),
    "FID": Description(
        False,
        "distance of the set to the real images. Not whether any single image is good or shows its class. The fewer "
        "the images, the more it is too large: it compares methods here, and nothing with other tables.",
    ),
    "transferability": Description(
        True,
        "mean target probability by the judges. Not whether people recognise it, nor what only the explained network "
        "looks for: judges share their data and their shortcuts.",
    ),
    "plausibility, normalised": Description(
        False,
        "the same of features divided by their norms, as in Deep-KNN. Blind as plausibility is, but for contrast.",
    ),
    "FID-infinity": Description(
        False, "FID extrapolated to endlessly many visualisations. Blind as FID is; the real images stay few."
    ),
    "KID": Description(
        False, "another distance of the sets, unbiased for few images. Not whether any single image is good."
    ),
    "top-1": Description(True, "share of images whose class the judges rank first. Blind as transferability is."),
    "top-5": Description(True, "share among their first five. Blind as transferability is."),
    "agreement": Description(
        True,
        "target probability by the explained network itself. Not quality: adversarial noise agrees perfectly.",
    ),
    "robustness": Description(
        False,
        "how much of the judges' target probability is lost to crops, noise and JPEG; below 0 it rises. Not whether "
        "there was something to lose: an image that shows nothing drops by nothing, so read it beside transferability; "
        "no best is marked.",
        ranked=False,
    ),
    "diversity": Description(
        True,
        "mean cosine distance between the images, in the features of FID. Not whether any is good: noise is diverse, "
        "and so are wrong answers.",
    ),
    "spectrum deviation": Description(
        False,
        "from the power of the real images, brought to the size of the visualisations, decades: enlarging takes their "
        "high frequencies. Not content: noise of a natural spectrum has none, and MACO is made to score low.",
    ),
    "high frequencies": Description(
        None,
        "share of the variance above a quarter cycle per pixel; right is that of real images, brought to the size of "
        "the visualisations (enlarging takes most of it: at their own size photographs have more). Not whether they "
        "are texture or noise.",
    ),
}
