import itertools

import numpy as np
import pytest

from maco_tf import Channel, Direction, Logit
from maco_tf.atlas.chunks import item_key, plan_chunks
from maco_tf.atlas.unit import Unit, channel_key, concept_key, logit_key
from maco_tf.objectives.parse import parse_objective


def logits(count):
    return [Unit(logit_key(n, 100), "logit", None, n, f"logit {n}", Logit(n)) for n in range(count)]


def channels(layer, count):
    return [
        Unit(channel_key(layer, n, 100), "channel", layer, n, f"{layer}:{n}", Channel(layer, n)) for n in range(count)
    ]


@pytest.mark.parametrize(("count", "batch", "sizes"), [(9, 8, [5, 4]), (8, 8, [8]), (1, 8, [1]), (10, 4, [4, 4, 2])])
def test_groups_are_cut_evenly(count, batch, sizes):
    chunks = plan_chunks(logits(count), [0], batch)
    assert [len(chunk.units) for chunk in chunks] == sizes
    # One compiled function serves all.
    assert {chunk.size for chunk in chunks} == {sizes[0]}
    assert {len(chunk.objective) for chunk in chunks} == {sizes[0]}


def test_every_item_belongs_to_one_chunk_of_its_kind():
    units = [*logits(7), *channels("conv", 5), *channels("add", 6)]
    chunks = plan_chunks(units, [0, 3], 4)
    keys = [key for chunk in chunks for key in chunk.keys]
    assert sorted(keys) == sorted(item_key(unit, seed) for unit in units for seed in (0, 3))
    assert all(len({unit.layer for unit in chunk.units}) == 1 for chunk in chunks)
    groups = [chunk.group for chunk in chunks]
    assert list(dict.fromkeys(groups)) == ["logit", "channel/conv", "channel/add"]
    # Group by group, so that a compiled function can be forgotten.
    assert sum(a != b for a, b in itertools.pairwise(groups)) == 2


def test_other_units_do_not_change_a_chunk():
    alone = plan_chunks(channels("conv", 5), [0], 4)
    among = [chunk for chunk in plan_chunks([*logits(3), *channels("conv", 5)], [0], 4) if chunk.group != "logit"]
    assert [chunk.keys for chunk in alone] == [chunk.keys for chunk in among]


def test_concepts_of_one_class_stay_together():
    units = [
        Unit(concept_key(c, 10, n, 3), "concept", "conv", n, "", Direction("conv", np.eye(4)[n]))
        for c in range(2)
        for n in range(3)
    ]
    assert [chunk.group for chunk in plan_chunks(units, [0], 4)] == ["concept/00", "concept/01"]


def test_the_last_chunk_is_filled_up_and_named():
    first, last = plan_chunks(channels("conv", 5), [0], 3)
    assert (first.text, last.text) == ("channel:conv:0,1,2", "channel:conv:3,4,4")
    objective = last.objective
    assert objective.parameters["index"].tolist() == [3, 4, 4]
    assert parse_objective(last.text).parameters["index"].tolist() == [3, 4, 4]
    assert last.keys == ["channel/conv/003/seed-0", "channel/conv/004/seed-0"]
