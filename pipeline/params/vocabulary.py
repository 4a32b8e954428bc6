"""How messages speak of Keras's namespaces and of names nobody knows."""

from pipeline.errors import nearest
from pipeline.params import catalogue
from pipeline.params.catalogue import Namespace
from pipeline.params.faults import listing, show

ARTICLES: dict[Namespace, str] = {
    "activations": "an activation",
    "initializers": "an initializer",
    "regularizers": "a regularizer",
    "constraints": "a constraint",
    "losses": "a loss",
    "optimizers": "an optimizer",
    "schedules": "a schedule",
    "layers": "a layer",
    "noise": "a regularization layer",
}


def unknown_name(name: str, *namespaces: Namespace, ours: tuple[str, ...] = ()) -> str:
    """Return the sentence for a name that nobody knows."""
    allowed = [*ours, *allowed_names(*namespaces)]
    kind = ARTICLES[namespaces[0]]
    near = nearest(name, allowed)
    version = catalogue.keras_version()
    return (
        f"{show(name)} is not {kind} of Keras {version}; allowed: {listing(allowed)}, or module:Name.{near}"
    )


def allowed_names(*namespaces: Namespace) -> list[str]:
    """Return the canonical names of several namespaces; where two share a name, the first one's spelling."""
    found: dict[str, str] = {}
    for space in namespaces:
        for name in catalogue.names(space):
            found.setdefault(catalogue.fold(name), name)
    return list(found.values())
