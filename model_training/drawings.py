"""What people draw to see what a reader of digits says: hearts, faces, houses. None of it is a digit."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Line = NDArray[np.float64]  # (N, 2), x to the right and y down, in units of the drawing's half size
Drawing = list[Line]
Pair = tuple[float, float]

_BEND = 0.06  # of the half size: how far a hand is from the ruler


def drawing(rng: Generator) -> Drawing:
    """Draw one of `DRAWINGS` by hand."""
    return by_hand(DRAWINGS[rng.integers(len(DRAWINGS))](rng), rng)


def by_hand(lines: Drawing, rng: Generator) -> Drawing:
    """Draw lines anew: leaning, stretched, and none quite straight. What met still meets."""
    turn = np.deg2rad(rng.normal(0, 7))
    move = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    move = move @ np.diag(np.exp(rng.normal(0, 0.15, 2))) @ np.array([[1, rng.normal(0, 0.1)], [0, 1]])
    waves, phases = rng.uniform(1, 4, (2, 2)), rng.uniform(0, 2 * np.pi, 2)  # the same for touching lines
    return [(bent + _BEND * np.sin(bent @ waves + phases)) @ move.T for bent in map(_dense, lines)]


def _dense(line: Line) -> Line:
    """Put a point on every twentieth of the half size."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0, along[-1], max(2, int(20 * along[-1])))
    return np.stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)], 1)


def _line(*points: Pair) -> Line:
    return np.array(points, np.float64)


def _arc(middle: Pair, radii: Pair, span: Pair = (0, 360)) -> Line:
    """Draw a part of an ellipse, clockwise from the right, in degrees."""
    angle = np.deg2rad(np.linspace(*span, 60))
    return np.stack([middle[0] + radii[0] * np.cos(angle), middle[1] + radii[1] * np.sin(angle)], 1)


def _heart(_: Generator) -> Drawing:
    angle = np.linspace(0, 2 * np.pi, 80)
    down = 13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle)
    return [np.stack([np.sin(angle) ** 3, -down / 16], 1)]


def _face(rng: Generator) -> Drawing:
    tall = rng.uniform(0, 0.12)
    round_eyes = rng.random() < 0.4
    eyes = [
        _arc((x, -0.3), (0.05 + tall, 0.05 + tall))
        if round_eyes
        else _line((x, -0.3 - tall), (x, -0.3 + tall))
        for x in (-0.35, 0.35)
    ]
    mouth = (
        _arc((0, 0.1), (0.5, 0.4), (20, 160))
        if rng.random() < 0.7
        else _arc((0, 0.7), (0.5, 0.4), (200, 340))
    )
    nose = [_line((0, -0.1), (-0.08, 0.15))] if rng.random() < 0.3 else []
    return [_arc((0, 0), (1, 1)), *eyes, mouth, *nose]


def _house(rng: Generator) -> Drawing:
    eaves = rng.uniform(-0.3, 0.1)
    walls = _line((-0.8, eaves), (-0.8, 1), (0.8, 1), (0.8, eaves))
    roof = _line((-0.8, eaves), (0, -1), (0.8, eaves))
    ceiling = [_line((-0.8, eaves), (0.8, eaves))] if rng.random() < 0.7 else []
    door = [_line((-0.2, 1), (-0.2, 0.4), (0.2, 0.4), (0.2, 1))] if rng.random() < 0.5 else []
    return [walls, roof, *ceiling, *door]


def _sun(rng: Generator) -> Drawing:
    angles = np.arange(count := rng.integers(7, 13)) * 2 * np.pi / count
    rays = [_line((0.65 * np.cos(a), 0.65 * np.sin(a)), (np.cos(a), np.sin(a))) for a in angles]
    return [_arc((0, 0), (0.5, 0.5)), *rays]


def _person(rng: Generator) -> Drawing:
    lift = rng.uniform(-0.3, 0.3)
    arms, legs = _line((-0.5, lift), (0, -0.15), (0.5, lift)), _line((-0.4, 1), (0, 0.4), (0.4, 1))
    return [_arc((0, -0.7), (0.28, 0.3)), _line((0, -0.4), (0, 0.4)), arms, legs]


def _flower(rng: Generator) -> Drawing:
    angle = np.linspace(0, 2 * np.pi, 200)
    reach = 0.4 + 0.2 * np.cos(rng.integers(5, 9) * angle)
    petals = np.stack([reach * np.cos(angle), reach * np.sin(angle) - 0.4], 1)
    return [
        _arc((0, -0.4), (0.15, 0.15)),
        petals,
        _line((0, 0.2), (0, 1)),
        _arc((0.25, 0.65), (0.25, 0.15), (180, 360)),
    ]


def _cloud(rng: Generator) -> Drawing:
    angle = np.linspace(0, 2 * np.pi, 240)
    reach = 0.8 + 0.2 * np.abs(np.sin(rng.integers(5, 8) / 2 * angle))
    return [np.stack([reach * np.cos(angle), 0.6 * reach * np.sin(angle)], 1)]


def _fish(_: Generator) -> Drawing:
    return [
        _arc((-0.2, 0), (0.8, 0.45)),
        _line((0.5, 0), (1, -0.4), (1, 0.4), (0.5, 0)),
        _arc((-0.6, -0.1), (0.06, 0.06)),
    ]


def _tree(rng: Generator) -> Drawing:
    crown = (
        _arc((0, -0.4), (0.6, 0.6))
        if rng.random() < 0.5
        else _line((0, -1), (-0.6, 0.2), (0.6, 0.2), (0, -1))
    )
    return [crown, _line((-0.2, 0.2), (-0.2, 1), (0.2, 1), (0.2, 0.2))]


def _arrow(rng: Generator) -> Drawing:
    back, wide = rng.uniform(0.2, 0.7), rng.uniform(0.2, 0.5)
    head = _line((1 - back, -wide), (1, 0), (1 - back, wide))
    lines = [_line((-1, 0), (1, 0)), head, *([-head] if rng.random() < 0.2 else [])]
    turn = rng.uniform(0, 2 * np.pi)
    cos, sin = np.cos(turn), np.sin(turn)
    return [line @ np.array([[cos, sin], [-sin, cos]]) for line in lines]


def _lightning(rng: Generator) -> Drawing:
    wide = rng.uniform(0.35, 0.7)
    return [_line((0.3, -1), (-wide, 0.2), (0, 0.1), (-0.3, 1), (wide, -0.2), (0, -0.1), (0.3, -1))]


def _sign(rng: Generator) -> Drawing:
    slash, bars = _line((-0.5, 0.9), (0.5, -0.9)), [_line((-0.9, y), (0.9, y)) for y in (-0.3, 0.3)]
    stems = [_line((x - 0.1, 0.9), (x + 0.1, -0.9)) for x in (-0.35, 0.35)]
    dots = [_arc((0, y), (0.08, 0.08)) for y in (-0.6, 0.6)]
    rings = [_arc((x, y), (0.25, 0.3)) for x, y in ((-0.55, -0.5), (0.55, 0.5))]
    signs = ([*bars, slash], [*bars, *stems], [*rings, slash], [*dots, _line((-0.9, 0), (0.9, 0))])
    return signs[rng.integers(len(signs))]  # unequal, number, per cent, divided by


def _tick(rng: Generator) -> Drawing:
    return [_line((-0.8, rng.uniform(-0.1, 0.3)), (-0.3, 0.8), (1, -0.9))]


def _cross(rng: Generator) -> Drawing:
    if rng.random() < 0.5:
        return [_line((-0.8, -0.9), (0.8, 0.9)), _line((0.8, -0.9), (-0.8, 0.9))]
    return [_line((-0.9, 0), (0.9, 0)), _line((0, -0.9), (0, 0.9))]


def _spiral(rng: Generator) -> Drawing:
    angle = np.linspace(0, 2 * np.pi * rng.uniform(2.3, 4), 200)
    reach = angle / angle[-1]
    return [np.stack([reach * np.cos(angle), reach * np.sin(angle)], 1)]


def _chart(rng: Generator) -> Drawing:
    rise = np.cumsum(rng.uniform(-0.1, 1, 10))
    curve = np.stack([np.linspace(-0.9, 0.9, 10), 0.9 - 1.6 * (rise - rise.min()) / np.ptp(rise)], 1)
    return [_line((-1, -1), (-1, 1), (1, 1)), curve]


def _letter(_: Generator) -> Drawing:
    return [
        _line((-1, -0.6), (1, -0.6), (1, 0.6), (-1, 0.6), (-1, -0.6)),
        _line((-1, -0.6), (0, 0.15), (1, -0.6)),
    ]


def _cat(_: Generator) -> Drawing:
    ears = [_line((s * 0.85, -0.35), (s * 0.8, -1), (s * 0.3, -0.75)) for s in (-1, 1)]
    whiskers = [_line((s * 0.2, 0.3), (s * 0.9, y)) for s in (-1, 1) for y in (0.2, 0.45)]
    return [
        _arc((0, 0.1), (0.9, 0.85)),
        *ears,
        *whiskers,
        *(_arc((s * 0.3, -0.1), (0.08, 0.1)) for s in (-1, 1)),
    ]


def _umbrella(_: Generator) -> Drawing:
    return [
        _arc((0, 0), (1, 0.9), (180, 360)),
        _line((-1, 0), (1, 0)),
        _line((0, 0), (0, 0.8)),
        _arc((0.15, 0.8), (0.15, 0.2), (0, 180)),
    ]


def _car(_: Generator) -> Drawing:
    body = _line(
        (-1, 0.3),
        (-1, -0.1),
        (-0.5, -0.1),
        (-0.3, -0.5),
        (0.3, -0.5),
        (0.5, -0.1),
        (1, -0.1),
        (1, 0.3),
        (-1, 0.3),
    )
    return [body, *(_arc((x, 0.35), (0.2, 0.2)) for x in (-0.55, 0.55))]


DRAWINGS: tuple[Callable[[Generator], Drawing], ...] = (
    _heart,
    _face,
    _house,
    _sun,
    _person,
    _flower,
    _cloud,
    _fish,
    _tree,
    _arrow,
    _lightning,
    _sign,
    _tick,
    _cross,
    _spiral,
    _chart,
    _letter,
    _cat,
    _umbrella,
    _car,
)
