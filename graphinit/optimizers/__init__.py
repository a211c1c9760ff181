"""Update rules, one class each; `graphinit.optimizer` is their face."""
