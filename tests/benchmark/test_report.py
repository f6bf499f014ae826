"""The facts in the report: values, errors, the best methods, uncertain leads, reasons, limits and classes."""

import dataclasses

from maco_tf.benchmark.comparison import compare_best, ratios
from maco_tf.benchmark.descriptions import DESCRIPTIONS, MAIN
from maco_tf.benchmark.picture import draw_scores
from maco_tf.benchmark.report import markdown
from maco_tf.benchmark.score import Score


def tables(text):
    """The tables of a Markdown text: lists of rows, each a list of cells."""
    found, before = [], ""
    for line in text.splitlines():
        if line.startswith("|"):
            if not before.startswith("|"):
                found.append([])
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        before = line
    return found


def block(text, score):
    """The rows of a score: dictionary, method -> cells of the networks."""
    title = f"{score} {DESCRIPTIONS[score].arrow}".strip()
    rows = [row for table in tables(text) for row in table]
    start = next(index for index, row in enumerate(rows) if row[0] == title)
    end = next((index for index in range(start + 1, len(rows)) if rows[index][0]), len(rows))
    return {row[1]: row[2:] for row in rows[start:end]}


def table_of(text, *columns):
    """The table that has all these columns, without its header and rule."""
    return next(table[2:] for table in tables(text) if set(columns) <= set(table[0]))


def test_the_papers_scores_have_the_first_table(results):
    first, second = tables(markdown(results))[0], tables(markdown(results))[2]
    assert [row[0].split()[0] for row in first[2:] if row[0]] == list(MAIN)
    assert {row[0].strip(" ↑↓") for row in second[2:] if row[0]} == set(DESCRIPTIONS) - set(MAIN)


def test_a_score_that_earlier_results_lack_is_left_out(results):
    for cell in results["cells"]:
        del cell["scores"]["recall"]
    names = {row[0].strip(" ↑↓") for table in tables(markdown(results)) for row in table}
    assert "precision" in names
    assert "recall" not in names


def test_values_have_errors_and_the_best_is_bold(results):
    text = markdown(results)
    assert block(text, "transferability") == {"maco": ["**0.600 ± 0.100**"], "xplique": ["0.150 ± 0.100"]}
    # Equal scores have no best method. Neither have high frequencies and robustness, which are not ranked.
    assert block(text, "top-1") == {"maco": ["0.500 ± 0.010"], "xplique": ["0.500 ± 0.010"]}
    assert block(text, "robustness") == {"maco": ["45.0 ± 15.0"], "xplique": ["41.0 ± 0.0"]}
    small, natural = ["0.0040 ± 0.0002"], ["0.0200 ± 0.0010"]
    assert block(text, "high frequencies") == {"maco": small, "xplique": small, "real images": natural}


def test_a_best_method_within_the_error_is_marked_and_listed(results):
    # 45 ± 15 and 41: the second is closer than the error of the difference.
    text = markdown(results)
    assert block(text, "FID") == {"maco": ["45.0 ± 15.0"], "xplique": ["**41.0 ± 0.0**†"]}
    (line,) = [line for line in text.splitlines() if "4.000 ± 15.000" in line]
    assert all(word in line for word in ("FID", "(a)", "xplique", "maco"))
    certain = markdown({**results, "comparisons": [{**item, "within": False} for item in results["comparisons"]]})
    assert block(certain, "FID")["xplique"] == ["**41.0 ± 0.0**"]
    assert "4.000 ± 15.000" not in certain


def test_judges_ratings_and_seconds_have_a_table(results):
    rows = table_of(markdown(results), "b", "seconds per image")
    assert rows[0] == ["maco", "0.600 ± 0.100 (0.50)", "0.600 ± 0.100", "2.0"]
    results["cells"][0]["median seconds"] = None
    assert table_of(markdown(results), "b", "seconds per image")[0][-1] == "unknown"


def test_the_basis_of_the_distances_and_the_bias_of_fid_are_stated(results):
    def setup(**changes):
        return markdown({**results, **changes}).split("##")[0]

    # Two images and twelve real ones are fewer than the dimensions.
    assert all(fact in setup() for fact in ("keras 3", "an abacus", "12 real images", "64 dimensions"))
    biased = setup().count("FID")
    assert setup(basis={"real images": 12, "dimensions": 1}).count("FID") == biased - 1
    assert "real image" not in setup(basis={}).replace("its real images", "")


def test_a_missing_score_has_its_reason(results):
    assert block(markdown(results), "FID-infinity") == {"all": ["too few images: 2 of 300"]}
    results["cells"][1]["scores"]["FID"] |= {"mean": None, "error": None, "reason": "lost"}
    text = markdown({**results, "comparisons": compare_best(results)})
    assert block(text, "FID") == {"maco": ["45.0 ± 15.0"], "xplique": ["lost"]}


def test_every_score_has_its_meaning_and_its_limits(results):
    text = markdown(results)
    for name, description in DESCRIPTIONS.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"- **{name} {description.arrow}".strip())]
        assert description.measures in line
        assert description.blind in line


def test_the_classes_are_named(results):
    classes = markdown(results).split("## Classes")[1]
    assert all(fact in classes for fact in ("2 classes", "254 pug", "980 volcano", results["settings"]["classes_from"]))


def test_ratios_to_xplique_have_a_table(results):
    # Two classes are too few for an interval.
    assert table_of(markdown(results), "a", "all networks") == [["maco", "4", "4"]]
    wide = {"method": "maco", "model": "a", "ratio": 4.0, "low": 3.512, "high": None}
    rows = tables(markdown({**results, "ratios": [wide]}))[1]
    assert rows[2] == ["maco", "4 (3.51 to unknown)"]
    assert "maco`" not in markdown({**results, "ratios": []})


def test_what_priors_see_is_stated(results):
    text = markdown({**results, "basis": {"real images": 12, "prior images": 9, "dimensions": 64}}).split("##")[0]
    assert "9 other images" in text
    assert "12 real images" in text
    assert "other image" not in markdown(results)


def test_methods_with_a_prior_are_described(results):
    assert "- **maco+bn**: with a memory." in markdown({**results, "notes": {"maco+bn": "with a memory"}})
    assert "## Methods" not in markdown({**results, "notes": {}})


def test_a_method_that_a_network_does_not_allow_has_a_reason_everywhere(results):
    cell = results["cells"][1]
    cell["scores"] = {name: dataclasses.asdict(Score.missing("no batch norms")) for name in cell["scores"]}
    for score in cell["scores"].values():
        score |= {"mean": None, "error": None}
    cell["median seconds"] = None
    changed = {**results, "comparisons": compare_best(results), "ratios": ratios(results)}
    text = markdown(changed)
    assert block(text, "transferability")["xplique"] == ["no batch norms"]
    assert table_of(text, "b", "seconds per image")[1] == ["xplique", "no batch norms", "no batch norms", "unknown"]
    # Nothing can be divided by the scores of a method without images.
    assert changed["ratios"] == []
    assert draw_scores(changed).axes
