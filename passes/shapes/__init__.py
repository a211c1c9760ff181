"""Shape inference: equations between sizes, solved, explained and questioned.

`passes.shape_inference` is its front.  Data go one way through the parts:

- what holds: `signature_rule` and the ops' own rules state equations through a `shape_context`;
- one rule: `equations` solves them by `unification`, `patterns` remembers the answers;
- a graph: `solver` for shapes, `dtype_inference` for dtypes, `trials` and `candidates` where an equation
  leaves few sizes; `inference` is one run of all that, `resumption` and `updates` start from an earlier one;
- what symbols must meet: `requirements`, each for itself; `size_sets` and `solved_requirements` solve them
  together, `stated_requirements` says whose statements they are;
- why: `explanation` walks reasons back to the user's lines, `cause` and `conflict` find the statements
  behind a `mistake`, `argument_edits` and `op_edits` propose what `fixes` tries;
- what people read: `diagnostics`, `excerpt` and `report_text`; `open_sizes` names what would settle an
  unknown, `suspicions` what holds only by chance, `inversion` the inputs that give an output.
"""
