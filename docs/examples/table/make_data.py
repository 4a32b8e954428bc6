"""Write two tables that scikit-learn ships: diabetes.csv (with categories and gaps) and tumours.csv (with classes)."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes

FOLDER = Path("data")


def main() -> None:
    """Write both files; equal bytes every time."""
    FOLDER.mkdir(exist_ok=True)
    patients = load_diabetes(as_frame=True, scaled=False).frame
    random = np.random.default_rng(0)
    patients["sex"] = patients["sex"].map({1: "female", 2: "male"})
    patients.insert(0, "patient", np.arange(1000, 1000 + len(patients)))
    patients["ward"] = random.choice(
        ["east", "north", "south"], len(patients)
    )  # says nothing about the target
    patients.loc[random.random(len(patients)) < 0.1, "bp"] = np.nan
    patients.loc[random.random(len(patients)) < 0.05, "ward"] = None
    patients.to_csv(FOLDER / "diabetes.csv", index=False)

    tumours = load_breast_cancer(as_frame=True).frame
    tumours["diagnosis"] = tumours.pop("target").map({0: "malignant", 1: "benign"})
    kept = ["mean radius", "mean texture", "mean smoothness", "worst concave points", "diagnosis"]
    tumours[kept].to_csv(FOLDER / "tumours.csv", index=False)


if __name__ == "__main__":
    main()
