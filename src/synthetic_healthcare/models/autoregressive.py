"""Prototype."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, final

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from synthetic_healthcare.models._base import ModelConfig, TrainedModel
from synthetic_healthcare.models._numbers import Bins, Mixture, pick
from synthetic_healthcare.models._tokens import Features, see_numbers, tokens_of
from synthetic_healthcare.models._sequence import SequenceNet
from synthetic_healthcare.phases import Call, Inputs, Phase
from synthetic_healthcare.schema.layout import Encoded, Layout


@final
class Autoregressive(TrainedModel):
    name: ClassVar[str] = "autoregressive"

    class Config(ModelConfig):
        small: ClassVar[Mapping[str, Any]] = {"numbers": "mixture", "hidden": 8, "linear": 4, "components": 2, "tents":0}
        hidden: int = Field(32, ge=1, description="h")
        linear: int = Field(8, ge=0, description="l")
        tents: int = Field(9, ge=0, description="l")
        numbers: Literal["bins", "mixture"] = Field("bins", description="n")
        bins: int = Field(32, ge=2, description="b")
        components: int = Field(4, ge=1, description="c")
        scale_floor: float = Field(0.02, gt=0, description="f")
        any_order: float = Field(0.3, ge=0, le=1, description="a")
        drop: float = Field(0.0, ge=0, lt=1, description="d")
        noise: float = Field(0.0, ge=0, description="noise")
        learning_rate: float = Field(3e-3, gt=0, description="lr")
        weight_decay: float = Field(0.0, ge=0, description="wd")

    config: Config

    def __init__(self, layout: Layout, config: ModelConfig) -> None:
        super().__init__(layout, config)
        c=self.config
        self.net = SequenceNet(layout, hidden=c.hidden, linear=c.linear, tents=c.tents, number=Bins(c.bins) if c.numbers=="bins" else Mixture(c.components,c.scale_floor))

    def schedule(self):
        return (_Likelihood(self.net, self.config),)

    def sampler(self):
        return self.net

    def sample(self, n, *, rng):
        net = self.net
        tokens = net.tokens
        X = torch.zeros(net.features.width, n)
        out = torch.zeros(len(tokens), n)
        for c, t in enumerate(tokens):
            raw = net.raw(c, X[: t.features.start])
            f = X[t.features]
            open_ = None if t.gate is None else (out[t.gate[0]] == t.gate[1]).float()
            if t.kind == "category":
                u = torch.rand(n, generator=rng)
                if t.width == 2:
                    v = (u[None] < (raw[1:2]-raw[:1]).sigmoid()).float()
                else:
                    v = pick((raw - raw.amax(0)).exp()[:t.width], u)
                f[0] = 1 - v[0]; f[1:-1] = v[:-1]-v[1:]; f[-1] = v[-1]
                v = v.sum(0) if t.width>2 else v[0]
                if open_ is not None:
                    f.mul_(open_); v = torch.where(open_>0, v, -1)
            elif t.kind == "bit":
                v = (torch.rand(n, generator=rng) < raw[0].sigmoid()).float()
                f[0] = v - t.marginal[0]
                if open_ is not None:
                    f.mul_(open_); v.mul_(open_)
            else:
                v = net.number.draw(raw, rng)
                f[:] = see_numbers(v, net.features.centres).T
                if open_ is not None:
                    f.mul_(open_); v.mul_(open_)
            out[c] = v
        lay = self.layout
        pick_ = lambda kind, dt: out[[i for i in sorted(range(len(tokens)), key=lambda i: tokens[i].store) if tokens[i].kind==kind]].T.numpy().astype(dt)
        return Encoded(lay, pick_("number",np.float32), pick_("category",np.int32), pick_("bit",np.uint8))


@final
class _Likelihood(Phase):
    def __init__(self, net, config):
        self.name = "likelihood"; self.module = net; self.reads_rows = True
        self.learning_rate = config.learning_rate; self.betas = (0.9, 0.99); self.weight_decay = config.weight_decay
        self.c = config; self.net = net

    def draw(self, rows, n, progress, rng):
        C = len(self.net.tokens)
        if torch.rand(1, generator=rng).item() < self.c.any_order:
            seen = (torch.rand(n, C, generator=rng) < torch.rand(n, 1, generator=rng)).float()
            structure = self.net.others
        else:
            seen = (torch.rand(n, C, generator=rng) >= self.c.drop).float()
            structure = self.net.before
        return {"row_values": rows, "row_seen": seen, "structure": structure}

    def row_loss(self, call, inputs):
        return -call(inputs["row_values"], inputs["row_seen"], inputs["structure"])
