"""Which of the parts is the digit: the weights of what was measured of them.

A conditional logit (McFadden 1974): the part with the highest appeal is chosen, and an appeal of 0 is as
likely nothing as something. Fitted by `python -m model_training.choosing`, which prints this table.
"""

WEIGHTS = {
    "is there": 0.894,
    "size": 0.654,
    "speck": 1.391,
    "off centre": 0.104,
    "share of the ink": 0.823,
    "contrast": 0.866,
    "over the noise": 1.130,
    "sharpness": -0.144,
    "thick": -5.103,
    "filled": -6.469,
    "frame": -20.843,
    "at an edge": -1.476,
    "at two edges": -6.097,
    "sliver at an edge": -0.772,
    "line across": -3.203,
    "line down": 1.225,
    "inverted": 0.088,
    "likely": 0.561,
    "rare": 0.349,
    "not the lightest": -2.316,
}
"""What a measure adds to the appeal for each unit; the measures are those of `parts.measured`."""
