"""Labels and annotations that all children of a model have, by its spec and by the operator's settings.

They are filled in where a key is not set otherwise. The order is: Fairlead's own, then spec.podTemplate for
pods, then spec.inheritedMetadata, then the settings. Selectors never contain them.
"""

from __future__ import annotations

from fairlead_operator.render.model import Model, Object, RenderSettings


def inherit(target: Object, model: Model, settings: RenderSettings) -> Object:
    """The object, or the pod template, with what it inherits in its metadata."""
    of_model, of_all = model.spec.inherited_metadata, settings.inherited_metadata
    metadata: Object = dict(target["metadata"])
    for kind, inherited in (
        ("labels", {**of_all.labels, **of_model.labels}),
        ("annotations", {**of_all.annotations, **of_model.annotations}),
    ):
        if inherited:
            metadata[kind] = {**inherited, **metadata.get(kind, {})}
    return {**target, "metadata": metadata}
