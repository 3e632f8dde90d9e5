"""How an image is read where two digits are close."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inference_image.network import Network, read


class Lead(nn.Module):
    """Lets the 3 lead by what one pixel says, and counts what it is shown."""

    def __init__(self, whether: float = 0.0) -> None:
        """Say that it is a digit with the logit `whether`."""
        super().__init__()
        self.shown = 0
        self._whether = whether

    def forward(self, images: Tensor) -> Tensor:
        self.shown += len(images)
        logits = images.new_zeros(len(images), 11)
        logits[:, 3], logits[:, 10] = images[:, 0, 10, 10], self._whether
        return logits


def _image(lead: float) -> Tensor:
    return torch.full((1, 1, 28, 28), lead)


@pytest.mark.parametrize(("lead", "readings"), [(5.0, 1), (3.01, 1), (2.99, 3), (0.5, 3)])
def test_an_image_is_read_thrice_where_two_digits_are_close(lead: float, readings: int) -> None:
    network = Lead()
    read(network, _image(lead))
    assert network.shown == readings


@pytest.mark.parametrize(("whether", "readings"), [(-3.1, 1), (-2.9, 3)])
def test_what_is_hardly_a_digit_is_read_once(whether: float, readings: int) -> None:
    network = Lead(whether)
    read(network, _image(0.5))
    assert network.shown == readings


def test_the_mean_of_the_readings_gains_its_weight_steadily() -> None:
    step = torch.zeros(1, 1, 28, 28)
    step[..., 10:, 10:] = 2.6  # at its corner half a pixel to one side shows a quarter of it
    leads = read(Lead(), step)[0, 3]
    assert float(leads) == pytest.approx(2.6 + 0.4 * ((2.6 + 2.6 + 0.65) / 3 - 2.6))


def test_it_is_moved_by_half_a_pixel_along_the_diagonal_and_against_it() -> None:
    shown: list[Tensor] = []

    class Keep(Lead):
        def forward(self, images: Tensor) -> Tensor:
            shown.append(images)
            return super().forward(images)

    image = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    read(Keep(), image)
    back, forth = shown[1][:, 0].numpy()
    between = (image[0, 0, :-1, :-1] + image[0, 0, 1:, :-1] + image[0, 0, :-1, 1:] + image[0, 0, 1:, 1:]) / 4
    assert np.allclose(back[:-1, :-1], between, atol=1e-6)
    assert np.allclose(forth[1:, 1:], between, atol=1e-6)
    assert back[-1, -1] == pytest.approx(float(image[0, 0, -1, -1]) / 4)  # there is no ink beyond the edge
    assert forth[0, 0] == pytest.approx(float(image[0, 0, 0, 0]) / 4)


def test_no_norm_learns_to_turn_the_order_of_values_around() -> None:
    norms = [layer for layer in Network().layers if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 5
    assert not any(norm.weight.requires_grad for norm in norms)
    assert all((norm.weight > 0).all() for norm in norms)
