"""Means of few runs, with the interval in which the mean of many would be with 95% probability (Student's t)."""
import math

T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}  # by degrees of freedom


def mean(values):
    return sum(values) / len(values)


def half_width(values):
    """Half of the interval; None of one value, which says nothing of it."""
    if len(values) < 2:
        return None
    middle = mean(values)
    deviation = math.sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - 1))
    return T[min(len(values) - 1, 9)] * deviation / math.sqrt(len(values))


def verdict(lower, higher):
    """What pairs of runs with the same seeds say of the claim that `higher` is higher."""
    differences = [b - a for a, b in zip(lower, higher)]
    middle, width = mean(differences), half_width(differences)
    if width is None or abs(middle) <= width:
        return middle, width, "open"
    return middle, width, "agrees" if middle > 0 else "fails"
