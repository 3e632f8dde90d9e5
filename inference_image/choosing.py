"""Which of the parts is the digit: the weights of what was measured of them.

A conditional logit (McFadden 1974): the part with the highest appeal is chosen, and an appeal of 0 is as
likely nothing as something. Fitted by `python -m model_training.choosing`, which prints this table.
"""

WEIGHTS = {
    "is there": 0.753,
    "size": 0.299,
    "speck": 1.702,
    "off centre": -1.366,
    "share of the ink": 0.731,
    "contrast": 0.748,
    "over the noise": 1.406,
    "sharpness": 0.108,
    "thick": -8.041,
    "filled": -6.207,
    "frame": -5.718,
    "at an edge": -0.654,
    "at two edges": -2.688,
    "sliver at an edge": -0.420,
    "line across": -2.903,
    "line down": -3.080,
    "inverted": -0.525,
    "likely": 0.529,
    "rare": -0.052,
    "not the lightest": -1.969,
}
"""What a measure adds to the appeal for each unit; the measures are those of `parts.measured`."""
