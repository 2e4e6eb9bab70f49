"""Names, paths, defaults and documents on which the programs of Fairlead must agree, each defined once.

The operator's image and the gateway's image both carry this package. It is pure: it imports none of the other
packages and does no I/O. The two images may be of different versions, so a reader ignores fields that it does
not know, and a field that older writers leave out has a default. The launcher cannot import it, because the
engine image's own Python runs that; tests compare the two.
"""
