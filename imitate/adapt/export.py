"""A skill that adapts as ONNX: pi and phi, each a file of its own, as each runs at a rate of its own."""

import json
from pathlib import Path
from typing import Any

import onnx
from torch import nn

from imitate.adapt.in_use import AdaptingPolicy
from imitate.adapt.networks import AdaptationModule, AdaptivePolicy
from imitate.adapt.skill_regression import DELAY, PERIOD
from imitate.env.task import Task
from imitate.export_onnx import GraphWriter, describe_layout, write_files
from imitate.policy import Normaliser
from imitate.scene.scene import CONTROL_HZ


def write_adaptive_onnx(policy: AdaptingPolicy, task: Task, path: Path) -> None:
    """Writes `<name>.onnx` (pi), `<name>_adaptation.onnx` (phi) and `<name>.json` with layouts and rates in words.

    Args:
      policy: to write.
      task: that it was learnt for.
      path: file of pi; all three are replaced whole or not at all.
    """
    path = Path(path)
    beside = path.with_name(f"{path.stem}_adaptation.onnx")
    words = describe_layout(policy.layout, task) | {"adaptation": describe_adaptation(policy, beside.name)}
    write_files(
        {
            path: base_model(policy.skill.policy).SerializeToString(),
            beside: adaptation_model(policy.adaptation).SerializeToString(),
            path.with_suffix(".json"): (json.dumps(words, indent=2) + "\n").encode(),
        }
    )


def base_model(policy: AdaptivePolicy) -> onnx.ModelProto:
    """pi: observation and z in, action and the normalised observation out."""
    graph, layout = GraphWriter(), policy.layout
    sensed = Normaliser(layout.sensed_size)
    seen, size = policy.observations, layout.sensed_size
    sensed.mean, sensed.variance = seen.mean[:size], seen.variance[:size]
    graph.normalise("observation", sensed, "normalised")
    value = graph.node("Concat", ["normalised", "z"], "both", axis=1)
    graph.layers(value, policy.actor.base, "action")
    inputs: dict[str, list[Any]] = {"observation": ["N", layout.sensed_size], "z": ["N", layout.latent]}
    return graph.finish("pi", inputs, {"action": ["N", layout.action_size], "normalised": ["N", layout.sensed_size]})


def adaptation_model(phi: AdaptationModule) -> onnx.ModelProto:
    """phi: the last k pairs in, z out."""
    graph, value = GraphWriter(), "history"
    for i, layer in enumerate(layer for layer in phi.embed if isinstance(layer, nn.Linear)):
        weight = graph.constant(f"embed_weight_{i}", layer.weight.detach().numpy().T)
        product = graph.node("MatMul", [value, weight], f"embed_product_{i}")
        bias = graph.constant(f"embed_bias_{i}", layer.bias.detach().numpy())
        value = graph.node("Relu", [graph.node("Add", [product, bias], f"embed_sum_{i}")], f"embedded_{i}")
    value = graph.node("Transpose", [value], "over_time", perm=[0, 2, 1])
    for i, layer in enumerate(layer for layer in phi.convolve if isinstance(layer, nn.Conv1d)):
        weight = graph.constant(f"convolution_weight_{i}", layer.weight.detach().numpy())
        assert layer.bias is not None
        bias = graph.constant(f"convolution_bias_{i}", layer.bias.detach().numpy())
        value = graph.node("Conv", [value, weight, bias], f"convolution_{i}", strides=list(layer.stride))
        value = graph.node("Relu", [value], f"convolved_{i}")
    graph.layers(graph.node("Flatten", [value], "flat", axis=1), phi.head, "z")
    return graph.finish("phi", {"history": ["N", phi.steps, phi.inputs]}, {"z": ["N", phi.outputs]})


def describe_adaptation(policy: AdaptingPolicy, file: str) -> dict[str, Any]:
    """How pi and phi work together, for people who write the program around them."""
    phi = policy.adaptation
    return {
        "file": file,
        "policy_hz": CONTROL_HZ,
        "adaptation_hz": CONTROL_HZ / PERIOD,
        "delay_control_steps": DELAY,
        "history_steps": phi.steps,
        "z_size": phi.outputs,
        "meaning": f"the policy takes `observation` and `z` at {CONTROL_HZ} Hz and gives `action` and `normalised`. "
        f"Keep the last {phi.steps} pairs [normalised, action], the oldest first, zeros before there are so many. "
        f"Every {PERIOD} control steps ({CONTROL_HZ / PERIOD:g} Hz) the adaptation takes them as `history` "
        f"(N, {phi.steps}, {phi.inputs}) and gives the `z` that the policy uses from {DELAY} control step later on; "
        "it may run in a thread of its own. At the start z is what it gives for zeros",
    }
