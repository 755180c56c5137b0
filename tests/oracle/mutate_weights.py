"""mutate_weights.py - what can happen to the codes and scales of one int8 weight (level 2)

A fault is (its kind, and after a comma its variety; function(layer, random)); the function edits
layer.codes and layer.scales and returns None, or says why it cannot be planted there.
"""
import numpy as np
import torch

from mutate_folder import Layer


def two_rows(layer, random):
    return random.choice(layer.full(), 2, replace=False)


def swap(array, a, b):
    array[[a, b]] = array[[b, a]]


def other_weight(layer, random):
    names = [n for n in layer.copy.modules() if n != layer.module]
    random.shuffle(names)
    for name in names:
        other = Layer(layer.copy, name)
        if other.codes.shape == layer.codes.shape:
            layer.codes, layer.scales = other.codes, other.scales
            return None
    return "no other weight of that shape"


def square(layer):
    return None if layer.rows == layer.cols else "no square weight"


def transposed(layer, random):
    """As a converter does that forgets which way round the weight is."""
    if square(layer) is None:
        layer.codes, layer.scales = layer.quantized(layer.weight.T.contiguous())
    return square(layer)


def codes_transposed(layer, random):
    if square(layer) is None:
        layer.codes = layer.codes.T.copy()
    return square(layer)


def rows_swapped(layer, random):
    a, b = two_rows(layer, random)
    swap(layer.codes, a, b)
    swap(layer.scales, a, b)


def rows_of_codes_swapped(layer, random):
    swap(layer.codes, *two_rows(layer, random))


def shifted(array, first, by):
    """Rows from `first` on stand `by` rows further down; those above repeat."""
    moved = array.copy() if isinstance(array, np.ndarray) else array.clone()
    moved[first + by:] = array[first:len(array) - by]
    return moved


def rows_shifted(layer, random):
    first, by = random.integers(1, layer.rows // 2), random.integers(1, 4)
    layer.codes, layer.scales = (shifted(x, first, by) for x in (layer.codes, layer.scales))


def rows_rolled(layer, random):
    by = int(random.integers(1, layer.rows // 2))
    layer.codes, layer.scales = np.roll(layer.codes, -by, 0), torch.roll(layer.scales, -by, 0)


def rows_permuted(layer, random):
    order = random.permutation(layer.rows)
    layer.codes, layer.scales = layer.codes[order], layer.scales[order]


def columns_swapped(layer, random):
    a, b = random.choice(layer.cols, 2, replace=False)
    layer.codes[:, [a, b]] = layer.codes[:, [b, a]]


def columns_shifted(layer, random):
    layer.codes = np.roll(layer.codes, int(random.integers(1, layer.cols // 2)), 1)


def bytes_shifted(layer, random):
    flat = layer.codes.reshape(-1).copy()
    first, by = random.integers(layer.cols, flat.size // 2), int(random.integers(1, 8))
    flat[first + by:] = layer.codes.reshape(-1)[first:-by]
    layer.codes = flat.reshape(layer.codes.shape)


def codes_negated(layer, random):
    layer.codes = np.clip(-layer.codes.astype(int), -128, 127).astype(np.int8)


def codes_unsigned(layer, random):
    layer.codes = (layer.codes.view(np.uint8) ^ 0x80).view(np.int8)


def codes_zeroed(layer, random):
    count = int(random.integers(40, 300))
    first = int(random.integers(0, layer.codes.size - count))
    run = layer.codes.reshape(-1)[first:first + count]
    if np.count_nonzero(run) < 20:
        return "nothing but zeros there"
    run[:] = 0


def codes_clipped(layer, random):
    limit = int(random.choice([7, 31, 63, 100]))
    layer.codes = np.clip(layer.codes, -limit, limit)


def away_from_ties(layer):
    """Flat positions whose code is clearly the nearest, and within the range on both sides."""
    near = np.abs(layer.exact() - layer.codes) < 0.4
    return np.flatnonzero(near & (np.abs(layer.codes.astype(int)) < 126) & (layer.codes != 0))


def code_off_by_one(layer, random, count=1):
    for at in random.choice(away_from_ties(layer), count, replace=False):
        layer.codes.reshape(-1)[at] += random.choice([-1, 1])


def codes_off_by_one(layer, random):
    code_off_by_one(layer, random, 100)


def byte_flip(layer, random):
    """One of the bits that are worth 4 and more; neither 0 nor -128 comes out."""
    flat = layer.codes.reshape(-1)
    for at in random.permutation(away_from_ties(layer)):
        code = (flat[at:at + 1].view(np.uint8) ^ np.uint8(1 << random.integers(2, 8))).view(np.int8)
        if code[0] not in (0, -128, -flat[at]):
            flat[at] = code[0]
            return


def codes_differ(layer, random):
    at = random.choice(away_from_ties(layer), 60, replace=False)
    layer.codes.reshape(-1)[at] = random.integers(-127, 128, 60)


def some_scale(layer, random):
    """Flat position of a scale of a row that holds something."""
    groups = layer.scales.shape[1]
    return int(random.choice(layer.full()) * groups + random.integers(groups))


def scale_ulp(layer, random):
    layer.bits()[some_scale(layer, random)] += int(random.choice([-1, 1]))


def scales_ulp(layer, random):
    bits = layer.bits()
    bits[bits != 0] += 1


def scales_factor(layer, random):
    layer.scales *= float(random.choice([2.0, 0.5, 1 / 127]))


def scale_wrong(layer, random):
    layer.scales.view(-1)[some_scale(layer, random)] *= float(random.choice([0.25, 0.7, 1.5, 3.0]))


def scales_swapped(layer, random):
    for _ in range(100):
        a, b = two_rows(layer, random)
        if layer.scales[a, 0] != layer.scales[b, 0]:
            layer.scales[[a, b], 0] = layer.scales[[b, a], 0]
            return None
    return "all scales are equal"


def scales_shifted(layer, random):
    layer.scales = torch.roll(layer.scales, int(random.integers(1, 4)), 0)


def scales_permuted(layer, random):
    layer.scales = layer.scales[random.permutation(layer.rows)]


def scales_differ(layer, random):
    layer.scales *= torch.from_numpy(random.uniform(0.5, 2, layer.scales.shape)).to(
        layer.scales.dtype)


FAULTS = [
    ("other-weight", other_weight), ("transposed", transposed),
    ("transposed, codes alone", codes_transposed), ("rows-swapped", rows_swapped),
    ("rows-swapped, codes alone", rows_of_codes_swapped), ("rows-shifted", rows_shifted),
    ("rows-shifted, all of them", rows_rolled), ("rows-permuted", rows_permuted),
    ("columns-swapped", columns_swapped), ("columns-shifted", columns_shifted),
    ("bytes-shifted", bytes_shifted), ("codes-negated", codes_negated),
    ("codes-unsigned", codes_unsigned), ("codes-zeroed", codes_zeroed),
    ("codes-clipped", codes_clipped), ("codes-off-by-one", code_off_by_one),
    ("codes-off-by-one, 100 of them", codes_off_by_one), ("byte-flip", byte_flip),
    ("codes-differ", codes_differ), ("scales-ulp", scale_ulp),
    ("scales-ulp, all of them", scales_ulp),
    ("scales-factor", scales_factor), ("scale-wrong", scale_wrong),
    ("scales-swapped", scales_swapped), ("scales-shifted", scales_shifted),
    ("scales-permuted", scales_permuted), ("scales-differ", scales_differ),
]
