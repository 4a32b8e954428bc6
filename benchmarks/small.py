"""A small study on digits with a tuned ablation and a plain one, for tests and benchmarks that train: it takes seconds."""

from typing import Any

PARAMS: dict[str, Any] = {
    "dataset": "digits",
    "seed": 0,
    "seeds": 3,
    "margin": 0.2,
    "precision": "float32",
    "base": {
        "data": {"limit": 90, "validation": 40},
        "model": {"layers": [6], "activation": "tanh"},
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "training": {"epochs": 2, "batch_size": 16},
    },
    "ablations": {
        "tuned": {
            "question": "Does momentum help?",
            "tune": {"trials": 2, "space": {"optimizer.learning_rate": {"log": [0.01, 0.5]}}},
            "variants": {"plain": {}, "momentum": {"optimizer": {"momentum": 0.9}}},
        },
        "width": {
            "question": "Does width help?",
            "variants": {"six": {}, "twelve": {"model": {"layers": [12]}}},
        },
    },
}
