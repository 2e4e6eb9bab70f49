"""The autoscalers that are compared: what each sees and answers, in `base`; ours in `fairlead`.

The others are written from the formulas of their sources, not copied; each module says which and what was
simplified. All get the same requests, router and cluster: late binding and drain, which none of them has
as it ships, so that only the decisions differ.
"""
