"""`fairlead run`: the pod of a model as processes of this machine."""
