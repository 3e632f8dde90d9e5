"""Which of the parts are worth reading: the weights of what was measured of them.

A conditional logit (McFadden 1974): the higher its appeal, the likelier a part is the digit, and an appeal of
0 is as likely nothing as something. Fitted by `python -m model_training.choosing --count 8000`, which prints
such a table; two measures whose weights came to next to nothing were then taken out. They are those of
preprocessing 6: fits to what is found since choose no better (decision 14).
"""

WEIGHTS = {
    "is there": 0.638,
    "uneven": 4.829,
    "size": 0.172,
    "speck": 1.695,
    "off centre": -2.243,
    "share of the ink": 1.553,
    "contrast": 0.911,
    "over the noise": 1.103,
    "thick": -6.688,
    "filled": -6.201,
    "frame": -4.907,
    "at an edge": -1.871,
    "at two edges": -7.500,
    "sliver at an edge": -2.124,
    "line across": -3.516,
    "line down": -2.643,
    "inverted": -0.609,
    "likely": 0.920,
    "not the lightest": -2.324,
}
"""What a measure adds to the appeal for each unit; the measures are those of `parts.measured`."""
