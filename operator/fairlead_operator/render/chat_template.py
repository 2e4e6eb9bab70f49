"""spec.engine.chatTemplate: how vLLM gets the user's chat template."""

from __future__ import annotations

from fairlead_operator.render.model import Model, Object

VOLUME, MOUNT_PATH = "chat-template", "/etc/fairlead/chat-template"


def chat_template_arguments(model: Model) -> list[str]:
    """vLLM's argument for the template: the file, or the text itself.

    The text is one word with its flag, since it may begin with a dash, and each dollar is written twice,
    since Kubernetes replaces `$(NAME)` in arguments and makes one dollar of two.
    """
    template = model.spec.engine.chat_template
    if template is None:
        return []
    if template.config_map_key_ref:
        return ["--chat-template", f"{MOUNT_PATH}/{template.config_map_key_ref.key}"]
    return [f"--chat-template={(template.inline or '').replace('$', '$$')}"]


def chat_template_volumes(model: Model) -> list[Object]:
    """The volume with the template's file, if it is one."""
    template = model.spec.engine.chat_template
    if template is None or template.config_map_key_ref is None:
        return []
    reference = template.config_map_key_ref
    items = [{"key": reference.key, "path": reference.key}]
    # Not optional: a pod that waits for its template reports it; without the template answers would differ.
    source = {"name": reference.name, "items": items, "optional": False}
    return [{"name": VOLUME, "configMap": source}]


def chat_template_mounts(model: Model) -> list[Object]:
    """The engine's mount of it."""
    volumes = chat_template_volumes(model)
    return [{"name": volume["name"], "mountPath": MOUNT_PATH, "readOnly": True} for volume in volumes]
