"""References and alternatives of a schema: what leads elsewhere."""

from __future__ import annotations

from itertools import combinations

from .backends import Backend
from .disjoint import are_disjoint
from .fault import INVALID, UNSUPPORTED, Fault
from .reading import leader_of
from .tree import Node, Tree


def check_reference(tree: Tree, node: Node, backend: Backend) -> Fault | None:
    """A reference leads to a schema of the same document, by names only."""
    if leader_of(node.schema) != "$ref":
        return None
    reference, path = node.schema["$ref"], node.path("$ref")
    if not isinstance(reference, str):
        return Fault(path, "must be a string.")
    if backend is Backend.GUIDANCE:
        return None
    if not reference.startswith("#"):
        why = "cannot lead out of the schema. Copy what it refers to under '$defs' and write '#/$defs/NAME'."
        return Fault(path, why, UNSUPPORTED)
    if tree.is_rebased(node):
        why = "cannot be relative to an '$id' within the schema. Leave that '$id' out."
        return Fault(path, why, UNSUPPORTED)
    if not tree.followed(node):
        why = (
            "leads to nothing that can be enforced. Write '#/$defs/NAME' with a plain name that '$defs' has."
        )
        return Fault(path, why, INVALID)
    return None


def check_one_of(tree: Tree, node: Node, backend: Backend) -> Fault | None:
    """`oneOf` is enforced where it means the same as `anyOf`."""
    if leader_of(node.schema) != "oneOf" or backend is Backend.GUIDANCE:
        return None
    for (i, first), (j, second) in combinations(enumerate(tree.parts[id(node)]), 2):
        if not are_disjoint(tree, first, second):
            why = (
                f"cannot be enforced: a value may fit both [{i}] and [{j}]. Write 'anyOf', or give each a "
                "property with a 'const' of its own."
            )
            return Fault(node.path("oneOf"), why, UNSUPPORTED)
    return None


def fault_of_endless(tree: Tree, endless: set[int]) -> Fault | None:
    """The first reference to what needs itself."""
    for node in tree.nodes:
        if id(node) in endless and isinstance(node.schema, dict) and leader_of(node.schema) == "$ref":
            why = (
                "leads back to itself without an end, so no answer fits. Make what leads there optional: "
                "leave it out of 'required', or allow null by 'anyOf'."
            )
            return Fault(node.path("$ref"), why)
    return None
