"""Networks that see: their sizes, a convolution by hand, and one trunk for actor and critic."""

import numpy as np
import pytest
import torch

from imitate.lecture.pixels import PixelEncoder, PixelPolicy, make_recurrent_pixel_policy


def pictures(*shape):
    return torch.randint(0, 256, (*shape, 4, 84, 84), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_sizes_are_the_papers():
    shapes = [tuple(p.shape) for p in PixelEncoder().parameters() if p.dim() > 1]
    assert shapes == [(16, 4, 8, 8), (32, 16, 4, 4), (256, 32 * 9 * 9)]
    lstm = make_recurrent_pixel_policy(6)
    assert lstm.cell.input_size == lstm.cell.hidden_size == 256
    assert tuple(lstm.actor.get_parameter("0.weight").shape) == (6, 256)


def test_first_convolution_by_hand():
    encoder, seen = PixelEncoder(), pictures(2)
    weight = encoder.layers[0].get_parameter("weight").detach().double()
    bias = torch.linspace(-1, 1, 16)
    encoder.layers[0].get_parameter("bias").data.copy_(bias)
    patch = seen[1, :, 12:20, 40:48].double() / 255.0  # stride 4: row 3, column 10
    expected = ((weight * patch).sum((1, 2, 3)) + bias.double()).clamp(min=0.0)
    found = encoder.layers[:2](seen.float() / 255.0)[1, :, 3, 10]
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5)
    assert found.shape == (16,)


@pytest.mark.parametrize("bf16", [False, True])
def test_leading_axes_are_kept_and_bfloat16_is_near(bf16):
    torch.manual_seed(0)
    policy = PixelPolicy(6, bf16)
    output, value = policy.outputs(pictures(3, 2))
    assert output.shape == (3, 2, 6) and value.shape == (3, 2) and output.dtype == value.dtype == torch.float32
    plain = PixelPolicy(6)
    plain.load_state_dict(policy.state_dict())
    expected = plain.outputs(pictures(3, 2).flatten(0, 1))
    torch.testing.assert_close(output.flatten(0, 1), expected[0], rtol=0, atol=2e-3)
    torch.testing.assert_close(value.flatten(), expected[1], rtol=0, atol=0.05)


def test_actor_and_critic_share_the_trunk():
    policy = PixelPolicy(6)
    output, value = policy.outputs(pictures(2))
    names = {name for name, _ in policy.named_parameters()}
    for loss in (output.sum(), value.sum()):
        policy.zero_grad()
        loss.backward(retain_graph=True)
        moved = {name for name, p in policy.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        assert {name for name in names if name.startswith("encoder")} <= moved
    torch.testing.assert_close(policy.value(pictures(2)), policy.returns.inverse(value.detach()))


def test_actions_are_drawn_from_the_softmax():
    torch.manual_seed(0)
    policy, rng = PixelPolicy(3), np.random.default_rng(0)
    policy.actor.get_parameter("0.bias").data.copy_(torch.tensor([1.0, 0.0, -1.0]))
    seen = pictures(1)
    probability = torch.softmax(policy.outputs(seen)[0], -1)[0].detach().numpy()
    drawn = policy.act(seen.expand(600, -1, -1, -1).numpy(), rng)
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / 600, probability, atol=4 * 0.5 / 600**0.5)
    assert policy.act(seen.numpy())[0] == probability.argmax()
