"""How fast models train together on the machine of docs/performance.md, for what is decided before anything trains."""

SECONDS_PER_STEP = 30e-6
"""Of each model in a stack, besides its operations."""
SECONDS_PER_OPERATION = 1 / 120e9
"""In dense layers."""
TRAINED = 6
"""Operations per multiplication where the gradients of inputs and weights are computed too."""
