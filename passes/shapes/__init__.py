"""Shape inference: equations between sizes, solved, explained and questioned.

`passes.shape_inference` is its front; data go shape_context -> solver -> inference -> report.
"""
