"""Which of the parts are worth reading: the weights of what was measured of them.

A conditional logit (McFadden 1974): the higher its appeal, the likelier a part is the digit, and an appeal of
0 is as likely nothing as something. Fitted by `python -m model_training.choosing --count 8000`, which prints
such a table; two measures whose weights came to next to nothing were then taken out.
"""

WEIGHTS = {
    "is there": 0.463,
    "uneven": 4.541,
    "size": 0.126,
    "speck": 1.891,
    "off centre": -1.614,
    "share of the ink": 1.228,
    "contrast": 0.745,
    "over the noise": 1.168,
    "thick": -6.919,
    "filled": -5.384,
    "frame": -3.763,
    "at an edge": -0.865,
    "at two edges": -2.928,
    "sliver at an edge": -0.424,
    "line across": -4.678,
    "line down": -4.492,
    "inverted": -0.694,
    "likely": 0.669,
    "not the lightest": -2.043,
}
"""What a measure adds to the appeal for each unit; the measures are those of `parts.measured`."""
