"""The optimisers of a training, and their state as named tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from synthetic_healthcare.phases import Phase


def optimizers_for(schedule: tuple[Phase, ...]) -> dict[str, torch.optim.Adam]:
    """One Adam for each phase's name; phases that stand several times in a schedule share theirs."""
    found: dict[str, torch.optim.Adam] = {}
    for phase in schedule:
        if phase.name not in found:
            parameters = list(phase.module.parameters())
            on_gpu = parameters[0].device.type == "cuda"
            found[phase.name] = torch.optim.Adam(
                parameters,
                # On a GPU the step size stands where a recorded step reads it.
                lr=torch.tensor(phase.learning_rate, device=parameters[0].device)
                if on_gpu
                else phase.learning_rate,
                betas=phase.betas,
                weight_decay=phase.weight_decay,
                foreach=True,
                capturable=on_gpu,
            )
    return found


def set_learning_rate(optimizer: torch.optim.Adam, value: float) -> None:
    """Set the step size of the next steps."""
    group = optimizer.param_groups[0]
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(value)
    else:
        group["lr"] = value


def flatten(optimizer: torch.optim.Adam) -> dict[str, Tensor]:
    """Adam's state as named tensors."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": value for index, entry in state.items() for name, value in entry.items()}


def unflatten(optimizer: torch.optim.Adam, tensors: dict[str, Tensor]) -> None:
    """Give Adam the state that `flatten` read."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
