from __future__ import annotations

import numpy as np
import pytest
import torch

from ganzoo.data import Dataset
from ganzoo.errors import InputError


def bytes_of(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(-1, 1, 1, 1).repeat(4, 2).repeat(4, 3)


@pytest.fixture
def letters() -> Dataset:
    """Ten images of values 0..9 in classes a, b, c and, twice, none."""
    labels = [0, 1, 2, -1, 0, 1, 2, -1, 0, 1]
    return Dataset.from_tensor(bytes_of(*range(10)), labels, ["a", "b", "c"])


def test_bytes_become_the_interval_from_minus_one_to_one():
    images = Dataset.from_tensor(bytes_of(0, 51, 255)).samples([0, 1, 2]).images
    assert images.dtype == torch.float32
    assert images[:, 0, 0, 0].tolist() == pytest.approx([-1, -0.6, 1])


def test_images_of_floating_point_travel_as_they_are():
    images = torch.rand(5, 3, 4, 4, dtype=torch.float64) * 2 - 1
    assert torch.equal(Dataset.from_tensor(images).samples([3, 1]).images, images[[3, 1]].float())


def test_images_from_0_to_1_are_taken_with_a_warning(recwarn):
    images = torch.rand(5, 1, 4, 4)
    Dataset.from_tensor(images)
    (warning,) = recwarn
    assert "if they are in [0, 1], as ToTensor makes them, pass 2 * images - 1" in str(warning.message)
    assert warning.filename == __file__ and "\n" not in str(warning.message)
    for fine in (2 * images - 1, (255 * images).byte(), torch.rand(5, 2, 1, 1)):
        Dataset.from_tensor(fine)
    assert len(recwarn) == 1


def test_points_keep_their_own_units():
    points = torch.tensor([[-7.5, 3.0], [100.0, 0.0]]).reshape(2, 2, 1, 1)
    dataset = Dataset.from_tensor(points, [1, 0])
    assert dataset.shape == (2, 1, 1)
    assert torch.equal(dataset.samples([0, 1]).images, points)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_labels_of_any_integer_become_int64(dtype):
    dataset = Dataset.from_tensor(bytes_of(1, 2), np.array([0, 1], dtype))
    assert dataset.samples([1]).labels.dtype == torch.int64


def test_samples_carry_their_labels(letters):
    samples = letters.samples([9, 3, 4])
    assert samples.labels.dtype == torch.int64
    assert samples.labels.tolist() == [1, -1, 0]
    assert Dataset.from_tensor(bytes_of(1)).samples([0]).labels is None


def test_what_a_set_says_of_itself(letters):
    assert (len(letters), letters.shape, letters.classes, letters.class_names) == (10, (1, 4, 4), 3, ["a", "b", "c"])
    assert Dataset.from_tensor(bytes_of(1, 2), [0, 4 - 3]).class_names == ["0", "1"]
    unlabelled = Dataset.from_tensor(bytes_of(1))
    assert (unlabelled.classes, unlabelled.class_names, unlabelled.labels) == (0, [], None)


def test_half_precision_tensors_are_taken():
    images = torch.tensor([-1.0, 0.5, 1.0], dtype=torch.bfloat16).reshape(3, 1, 1, 1).expand(3, 1, 2, 2)
    assert Dataset.from_tensor(images).samples([1]).images[0, 0, 0, 0] == 0.5


@pytest.mark.parametrize(
    ("images", "complaint"),
    [
        (np.zeros((5, 4, 4), np.uint8), "(N, C, H, W)"),
        (np.zeros((5, 2, 4, 4), np.uint8), "1 or 3 channels"),
        (np.zeros((0, 1, 4, 4), np.uint8), "(N, C, H, W)"),
        (np.zeros((5, 1, 4, 4), np.int32), "int32"),
        (np.full((5, 1, 4, 4), 255.0), "[-1, 1]"),
        (np.full((5, 1, 4, 4), np.nan), "[-1, 1]"),
        (np.zeros((5, 3, 1, 1)), "points (N, 2, 1, 1)"),
        (np.full((5, 2, 1, 1), np.nan), "finite"),
        (np.full((5, 2, 1, 1), 1e300), "points must be finite in float32"),
    ],
)
def test_what_are_no_images_is_refused(images, complaint):
    with pytest.raises(InputError) as error:
        Dataset.from_tensor(images)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("labels", "names", "complaint"),
    [
        ([0, 1], None, "3 integers"),
        ([[0], [1], [2]], None, "shape (3, 1)"),
        ([0.0, 1.0, 2.0], None, "float64"),
        ([0, -2, 1], None, "or -1 for unlabeled, not -2"),
        ([0, 1, 3], None, "or -1 for unlabeled, not 3"),
        ([0, 1, 2], ["a", "b"], "0..1, or -1 for unlabeled, not 2"),
        (None, ["a"], "class_names need labels"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, names, complaint):
    with pytest.raises(InputError) as error:
        Dataset.from_tensor(bytes_of(1, 2, 3), labels, names)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    "given",
    [
        torch.rand(2, 1, 4, 4).to_sparse(),
        torch.rand(2, 1, 4, 4, device="meta"),
        [[1, 2], [3]],
    ],
    ids=["sparse", "meta", "ragged"],
)
def test_what_numpy_cannot_hold_is_refused_in_one_line(given):
    for images, labels, names in ((given, None, None), (bytes_of(1), given, None), (bytes_of(1), [0], given)):
        with pytest.raises(InputError, match=r"^cannot convert this (Tensor|list) to an array: [^\n]+$"):
            Dataset.from_tensor(images, labels, names)


@pytest.mark.parametrize("names", [["0", "1"], (0, 1), np.array(["0", "1"]), np.array(["0", "1"], object)])
def test_names_of_classes_become_text(names):
    assert Dataset.from_tensor(bytes_of(1, 2), [0, 1], names).class_names == ["0", "1"]


def test_the_digest_is_of_the_content():
    digest = Dataset.from_tensor(bytes_of(1, 2), [0, 1], ["a", "b"]).digest
    assert digest == Dataset.from_tensor(torch.from_numpy(bytes_of(1, 2)), torch.tensor([0, 1]), ["a", "b"]).digest
    others = [
        Dataset.from_tensor(bytes_of(1, 3), [0, 1], ["a", "b"]),
        Dataset.from_tensor(bytes_of(2, 1), [0, 1], ["a", "b"]),
        Dataset.from_tensor(bytes_of(1, 2), [1, 0], ["a", "b"]),
        Dataset.from_tensor(bytes_of(1, 2), [0, 1], ["a", "c"]),
        Dataset.from_tensor(bytes_of(1, 2).reshape(2, 1, 2, 8), [0, 1], ["a", "b"]),
        Dataset.from_tensor(bytes_of(1, 2)),
    ]
    assert len({digest, *(other.digest for other in others)}) == 7


def test_classes_are_chosen_by_name_or_index_and_numbered_anew(letters):
    chosen = letters.of_classes(["c", 0])
    assert chosen.class_names == ["c", "a"]
    assert chosen.images[:, 0, 0, 0].tolist() == [0, 2, 4, 6, 8]
    assert chosen.labels.tolist() == [1, 0, 1, 0, 1]
    assert chosen.samples([1]).labels.tolist() == [0]


def test_an_index_may_come_as_text_and_a_name_goes_first():
    dataset = Dataset.from_tensor(bytes_of(1, 2, 3), [0, 1, 2], ["7", "0", "x"])
    assert dataset.of_classes(["0"]).images[0, 0, 0, 0] == 2
    assert dataset.of_classes(["2"]).images[0, 0, 0, 0] == 3


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ([3], "no class is called '3'; choose from: a, b, c"),
        (["9" * 5000], "no class is called '999"),
        ([-1], "no class is called '-1'"),
        (["a", 0], "named twice"),
        ([], "no image of the classes []"),
    ],
)
def test_classes_that_do_not_exist_are_refused(letters, wanted, complaint):
    with pytest.raises(InputError) as error:
        letters.of_classes(wanted)
    assert complaint in str(error.value)


def test_a_misspelt_class_names_the_nearest():
    dataset = Dataset.from_tensor(bytes_of(1, 2), [0, 1], ["truck", "horse"])
    with pytest.raises(InputError, match="did you mean 'horse'"):
        dataset.of_classes(["hrose"])


def test_classes_of_unlabelled_data_are_refused():
    with pytest.raises(InputError, match="no labels"):
        Dataset.from_tensor(bytes_of(1)).of_classes([0])


def test_a_limit_spaces_evenly(letters):
    assert letters.subset(5).images[:, 0, 0, 0].tolist() == [0, 2, 4, 6, 8]
    assert letters.subset(3).labels.tolist() == [0, -1, 2]
    assert letters.subset(10) is letters
    assert letters.subset(99) is letters
    with pytest.raises(InputError, match="at least 1"):
        letters.subset(0)


def test_halves_are_every_second_sample_and_the_others(letters):
    even, odd = letters.split_in_half()
    assert even.images[:, 0, 0, 0].tolist() == [0, 2, 4, 6, 8] and odd.images[:, 0, 0, 0].tolist() == [1, 3, 5, 7, 9]
    assert odd.labels.tolist() == [1, -1, 1, -1, 1] and even.digest != odd.digest != letters.digest
    with pytest.raises(InputError, match="has one image; a score needs two"):
        letters.subset(1).split_in_half()


def test_parts_of_parts_and_their_digests(letters):
    part = letters.of_classes(["a", "b"]).subset(3)
    assert part.images[:, 0, 0, 0].tolist() == [0, 4, 8]
    assert torch.equal(part.samples([2]).images, letters.samples([8]).images)
    parts = [
        letters,
        letters.subset(5),
        letters.subset(4),
        letters.of_classes(["a"]),
        letters.of_classes(["b"]),
        part,
    ]
    assert len({each.digest for each in parts}) == len(parts)
    assert letters.subset(5).digest == letters.subset(5).digest


def test_the_digest_of_a_part_is_of_the_whole_and_the_choice():
    wholes = [Dataset.from_tensor(bytes_of(*values)) for values in (range(6), range(1, 7))]
    assert len({whole.subset(count).digest for whole in wholes for count in (2, 3)}) == 4


def labelled_rows(dataset: Dataset) -> list[int]:
    return np.flatnonzero(dataset.labels >= 0).tolist()


def test_some_labels_are_kept_evenly_spaced_within_each_class():
    whole = Dataset.from_tensor(bytes_of(*range(12)), [0] * 8 + [1] * 4, ["many", "few"])
    part = whole.partly_labelled(4)
    assert labelled_rows(part) == [0, 4, 8, 10]
    assert part.labels[[0, 4, 8, 10]].tolist() == [0, 0, 1, 1]
    assert (len(part), part.unlabelled, part.class_names) == (12, 8, ["many", "few"])
    assert torch.equal(part.samples(range(12)).images, whole.samples(range(12)).images)
    assert part.samples([1, 4, 8]).labels.tolist() == [-1, 0, 1]
    assert whole.unlabelled == 0 and whole.labels.tolist() == [0] * 8 + [1] * 4


def test_labels_that_do_not_divide_go_to_the_first_classes(letters):
    assert [letters.partly_labelled(n).labels[letters.labels >= 0].tolist() for n in (1, 2, 5)] == [
        [0, -1, -1, -1, -1, -1, -1, -1],
        [0, 1, -1, -1, -1, -1, -1, -1],
        # a at 0, 4, 8; b at 1, 5, 9; c at 2, 6
        [0, 1, 2, 0, 1, -1, -1, -1],
    ]


def test_what_had_no_label_gets_none(letters):
    part = letters.partly_labelled(6)
    assert part.labels[[3, 7]].tolist() == [-1, -1]
    assert (letters.unlabelled, part.unlabelled) == (2, 4)
    assert Dataset.from_tensor(bytes_of(1, 2)).unlabelled == 2


def test_which_labels_are_kept_is_fixed_and_in_the_digest(letters):
    assert letters.partly_labelled(3).digest == letters.partly_labelled(3).digest
    digests = {letters.digest, *(letters.partly_labelled(n).digest for n in (1, 2, 3, 6))}
    assert len(digests) == 5


@pytest.mark.parametrize(
    ("count", "complaint"),
    [(0, "at least 1, not 0"), (9, "3 of class 'c', but memory has 2; lower data.labelled")],
)
def test_labels_that_cannot_be_kept_are_refused(letters, count, complaint):
    with pytest.raises(InputError) as error:
        letters.partly_labelled(count)
    assert complaint in str(error.value)


def test_labels_of_unlabelled_data_cannot_be_kept():
    with pytest.raises(InputError, match=r"memory has no labels, so 5 cannot be kept; leave data.labelled out"):
        Dataset.from_tensor(bytes_of(1)).partly_labelled(5)


def test_the_labelled_are_repeated_to_their_share_and_the_others_are_not():
    whole = Dataset.from_tensor(bytes_of(*range(8)), [0, -1, -1, -1, 1, -1, -1, -1], ["a", "b"])
    even = whole.with_labelled_share(0.5)
    assert even.images[:, 0, 0, 0].tolist() == [0, 0, 0, 1, 2, 3, 4, 4, 4, 5, 6, 7]
    assert even.labels.tolist() == [0, 0, 0, -1, -1, -1, 1, 1, 1, -1, -1, -1]
    # 3 of 9 would be too few for 0.45: at least the share.
    assert [len(whole.with_labelled_share(share)) - 6 for share in (0.1, 0.25, 0.26, 0.45, 0.7)] == [2, 2, 4, 6, 14]
    assert len({whole.digest, even.digest, whole.with_labelled_share(0.7).digest}) == 3


def test_repeated_images_are_not_taken_for_the_whole():
    part = Dataset.from_tensor(bytes_of(*range(4)), [0, -1, -1, 0]).of_classes([0]).partly_labelled(1)
    assert part.with_labelled_share(0.75).images[:, 0, 0, 0].tolist() == [0, 0, 0, 3]


def test_shares_that_mean_nothing_are_refused(letters):
    for share in (0.0, 1.0, float("nan")):
        with pytest.raises(InputError, match="above 0 and below 1"):
            letters.with_labelled_share(share)
    for labels in (None, [-1]):
        with pytest.raises(InputError, match="no labeled image to repeat"):
            Dataset.from_tensor(bytes_of(1), labels, ["a"] if labels else None).with_labelled_share(0.5)
