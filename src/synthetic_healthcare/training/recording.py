"""Rounds of a schedule on a GPU: recorded once, then replayed without Python.

A round of a small network is some hundred kernels of a few microseconds each, and launching them one by one
takes longer than running them. A CUDA graph launches them all at once.

Source: NVIDIA, "Getting Started with CUDA Graphs" (2019); the recording is that of `torch.cuda.CUDAGraph`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, final

import torch
from torch import Tensor

from synthetic_healthcare.phases import Phase

#: Losses of one round by the name of their phase.
Losses = Mapping[str, Tensor]
#: Runs one round: the phases that take part, and the share of the training that is done.
Round = Callable[[tuple[Phase, ...], float], Losses]

#: Moments of a training at which a round is recorded anew: what grows with the training (a warm-up, noise
#: that fades) then moves in so many steps.
_MOMENTS: Final = 64
#: Rounds that run as they are before one is recorded: what is set up at first use must not be recorded.
_FIRST_ROUNDS: Final = 3


@final
class RecordedRounds:
    """Runs rounds on a GPU, by replaying one that was recorded wherever there is one.

    Parameters
    ----------
    rng : torch.Generator
        On the device; the only source of randomness. A replay goes on with it.
    """

    def __init__(self, rng: torch.Generator) -> None:
        self._rng = rng
        self._seen: dict[tuple[Phase, ...], int] = {}
        self._recorded: tuple[tuple[Phase, ...], int] | None = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._losses: Losses = {}
        self._stream = torch.cuda.Stream(rng.device)  # type: ignore[no-untyped-call]

    def __call__(self, run: Round, phases: tuple[Phase, ...], done: float) -> Losses:
        """Run a round, and return the losses of its phases, each its own.

        Parameters
        ----------
        run : callable
            Runs a round, the same at every call; what it reads and writes stays on the device and keeps its
            shapes.
        phases : tuple of Phase
            Those that take part.
        done : float
            Share of the training that is done.
        """
        seen = self._seen.get(phases, 0)
        self._seen[phases] = seen + 1
        if seen < _FIRST_ROUNDS:
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                losses = run(phases, done)
            torch.cuda.current_stream().wait_stream(self._stream)
            return losses
        moment = int(done * _MOMENTS)
        if self._recorded != (phases, moment):
            self._record(run, phases, moment)
        assert self._graph is not None, "a round was recorded"
        self._graph.replay()
        return {name: loss.clone() for name, loss in self._losses.items()}

    def close(self) -> None:
        """Let the recording go; left to the garbage collector it could go in the middle of another one."""
        self._recorded, self._graph, self._losses = None, None, {}

    def _record(self, run: Round, phases: tuple[Phase, ...], moment: int) -> None:
        # The last recording is let go first: its memory is then there for the new one.
        self.close()
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._rng)  # type: ignore[no-untyped-call, unused-ignore]
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            self._losses = run(phases, moment / _MOMENTS)
        self._graph, self._recorded = graph, (phases, moment)
