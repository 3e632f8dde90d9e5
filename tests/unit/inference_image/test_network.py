"""How an image is read where two digits are close."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inference_image.network import read


class Lead(nn.Module):
    """Lets the 3 lead by what the first pixel says, and counts what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = 0

    def forward(self, images: Tensor) -> Tensor:
        self.shown += len(images)
        logits = images.new_zeros(len(images), 11)
        logits[:, 3] = images[:, 0, 10, 10]
        return logits


def _image(lead: float) -> Tensor:
    """Show a plane that falls by one a column, so that half a pixel is known, and `lead` at one place."""
    columns = torch.arange(28.0)
    return (lead + 10 - columns).expand(1, 1, 28, 28)


@pytest.mark.parametrize(("lead", "readings"), [(5.0, 1), (3.01, 1), (2.99, 3), (0.5, 3)])
def test_an_image_is_read_thrice_where_two_digits_are_close(lead: float, readings: int) -> None:
    network = Lead()
    read(network, _image(lead))
    assert network.shown == readings


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
