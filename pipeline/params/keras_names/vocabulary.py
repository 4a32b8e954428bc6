"""The words of messages about Keras's namespaces and unknown names."""

from pipeline.core.errors import nearest
from pipeline.params.faults import listing, show
from pipeline.params.keras_names import catalogue
from pipeline.params.keras_names.catalogue import Namespace

WITH_ARTICLE: dict[Namespace, str] = {
    "activations": "an activation",
    "initializers": "an initializer",
    "regularizers": "a regularizer",
    "constraints": "a constraint",
    "losses": "a loss",
    "optimizers": "an optimizer",
    "schedules": "a schedule",
    "layers": "a layer",
    "noise": "a regularization layer",
    "applications": "an application",
    "metrics": "a metric",
    "augmentation": "a preprocessing layer for images",
}


def unknown_name(name: str, *namespaces: Namespace, ours: tuple[str, ...] = ()) -> str:
    """Return the sentence for a name that neither Keras nor the pipeline (`ours`) has."""
    allowed = [*ours, *allowed_names(*namespaces)]
    kind, version = WITH_ARTICLE[namespaces[0]], catalogue.keras_version()
    names = f"{listing(allowed)}, or module:Name"
    return f"{show(name)} is not {kind} of Keras {version}; allowed: {names}.{nearest(name, allowed)}"


def allowed_names(*namespaces: Namespace) -> list[str]:
    """Return the canonical names of several namespaces; where two share a name, the first one's spelling."""
    names: dict[str, str] = {}
    for space in namespaces:
        for name in catalogue.names(space):
            names.setdefault(catalogue.fold(name), name)
    return list(names.values())
