"""The loop: keys of models in, observe, plan, apply, report."""
