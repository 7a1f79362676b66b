"""LSTM, RNN and LSTMUnit: over steps, streams, static input and exposed state."""

from __future__ import annotations

from parity.nets import TEST, Cases, one

# Two streams of five steps: one begins, goes on and begins again; the other goes on from the forward pass before.
CONT = [0, 1, 1, 1, 1, 1, 0, 1, 1, 1]
PARAMETER = 'num_output: 4 weight_filler { type: "uniform" min: -1 max: 1 } bias_filler { type: "xavier" }'


def cases() -> Cases:
    """Small nets by name."""
    found = Cases()
    for kind, state in (("LSTM", ("h", "c")), ("RNN", ("h",))):
        name = kind.lower()

        def add(
            what: str,
            inputs: str,
            bottoms: str,
            tops: str = "y",
            text: str = "",
            kind: str = kind,
            name: str = name,
            **more: object,
        ) -> None:
            layer = one(kind, f"recurrent_param {{ {PARAMETER} {text} }}", bottoms, tops)
            found.add(f"{name}-{what}", layer, inputs, **{"values": {"cont": CONT}, **more})

        plain = "x: 5 2 3, cont: 5 2"
        add("plain", plain, "x cont")
        add("state-is-carried-to-the-next-forward", plain, "x cont", forwards=3)
        add("state-is-carried-in-test", plain, "x cont", forwards=2, phase=TEST)
        add("x-of-more-axes", "x: 5 2 3 2, cont: 5 2", "x cont")
        add("one-step", "x: 1 3 4, cont: 1 3", "x cont", values={"cont": [1, 0, 1]}, forwards=2)
        add(
            "one-step-is-carried-as-its-top-was-changed",
            "x: 1 3 4, cont: 1 3",
            "x cont",
            values={"cont": [1] * 3},
            forwards=3,
        )
        found[f"{name}-one-step-is-carried-as-its-top-was-changed"]["text"] += one("ReLU", "", "y", "y", name="m")
        add("one-stream", "x: 6 1 3, cont: 6 1", "x cont", values={"cont": [0, 1, 1, 0, 1, 1]})
        add(
            "cont-between-0-and-1-scales-the-state",
            plain,
            "x cont",
            values={"cont": [*CONT[:3], 0.3, 0.8, *CONT[5:]]},
        )
        streams = [{"x": [5, n, 3], "cont": [5, n]} for n in (3, 1, 3, 4, 2)]
        add("streams-come-and-go", plain, "x cont", values={}, classes={"cont": 2}, reshapes=streams)
        streams = [{"x": [1, n, 3], "cont": [1, n]} for n in (3, 1, 3)]
        add(
            "one-step-streams-come-and-go",
            "x: 1 2 3, cont: 1 2",
            "x cont",
            values={},
            ranges={"cont": (1, 1)},
            reshapes=streams,
        )
        add("static", f"{plain}, s: 2 6", "x cont s", forwards=2)
        add("static-of-more-axes", f"{plain}, s: 2 3 2", "x cont s")
        hidden = ", ".join(f"{part}0: 1 2 4" for part in state)
        names, ends = " ".join(f"{part}0" for part in state), " ".join(f"{part}T" for part in state)
        add(
            "exposed-state-has-no-gradient",
            f"{plain}, {hidden}",
            f"x cont {names}",
            f"y {ends}",
            "expose_hidden: true",
        )
        add(
            "exposed-static",
            f"{plain}, s: 2 6, {hidden}",
            f"x cont s {names}",
            f"y {ends}",
            "expose_hidden: true debug_info: false",
            forwards=2,
        )
        add("fillers-draw-for-every-step", plain, "x cont", seed=4, keep_fillers=True)
    found["lstm-fillers-draw-for-every-step"]["text"] += _after("n")
    found["rnn-fillers-draw-for-every-step"]["text"] += _after("n")
    for what, cont in {"goes-on": [1, 1, 1], "begins": [0, 1, 0], "between": [0.2, 1, 0.7]}.items():
        found.add(
            f"lstm-unit-{what}",
            one("LSTMUnit", "", "c x cont", "d h"),
            "c: 1 3 4, x: 1 3 16, cont: 1 3",
            values={"cont": cont},
        )
    return found


def _after(name: str) -> str:
    """A layer whose filler shows where the random numbers stand after the recurrent layer's."""
    parameter = 'inner_product_param { num_output: 2 weight_filler { type: "uniform" } }'
    return one("InnerProduct", parameter, "y", name, name=name)
