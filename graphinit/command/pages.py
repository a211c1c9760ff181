"""A page on every error code: what it means, what it looks like, what to do."""

from __future__ import annotations

from graphinit.errors import CODES, TargetError
from graphinit.suggestions import nearest

_PAGES: dict[str, tuple[str, str]] = {
    "GI101": (
        "Every node of a graph has a name of its own: inputs, parameters and ops share one space of names.",
        "Give one of the two another name, as in F.input('z', ...).",
    ),
    "GI102": (
        "Following the inputs of a node leads back to the node itself. A graph read from a file, or edited by"
        " hand, can be like that; one that was described cannot.",
        "Cut the cycle; for a recurrence over time use the recurrent layers or F.scan.",
    ),
    "GI103": (
        "The graph names an op that is not registered.",
        "Check the spelling, or import the module that registers the op before the graph is read.",
    ),
    "GI104": (
        "An op got more or fewer operands than its signature has.",
        "Look at the op's signature in its documentation and pass what it lists.",
    ),
    "GI105": (
        "An attribute of an op is missing, is not known to the op, or has a value that it cannot take.",
        "The message names the attribute and what it takes.",
    ),
    "GI106": (
        "A name that was asked for is not in the graph: an input given to inference, an output, a node.",
        "The message offers the nearest name, or lists the inputs.",
    ),
    "GI107": (
        "The graph breaks a rule that every graph keeps, or a file holds no graph.",
        "Build graphs with functions, layers or GraphBuilder; write them with Graph.to_json.",
    ),
    "GI108": (
        "While a network is described its values have no numbers yet, so bool(), int(), float() and loops over"
        " them have no answer.",
        "Use F.where or F.cond in place of if, sizes such as x.shape[0] in place of values.",
    ),
    "GI109": (
        "A gradient was asked for through an op that has none, or with respect to integers.",
        "Use F.stop_gradient where nothing should flow, or another op.",
    ),
    "GI110": (
        "A name, an argument or a form of another framework was written, such as x.norm(), kernel_init= or"
        " weight.data[0], that means nothing here.",
        "Write what the message says in its place.",
    ),
    "GI201": (
        "Two sizes must be equal and are not. The message shows both operands with their shapes, the axis, and"
        " the statements that either number came from.",
        "Take one of the edits that are offered: each was tried, and the whole network held. The usual one is to"
        " drop in_units or in_channels, which inference fills in.",
    ),
    "GI202": (
        "A value has more or fewer axes than an op takes, or an axis is out of range.",
        "Flatten, expand_dims or reshape it first; an image has four axes: batch, channels, height, width.",
    ),
    "GI203": (
        "Two shapes are combined element by element, and along some axis they differ with neither being 1.",
        "Give both branches equally many channels, or put a projection on the shorter one.",
    ),
    "GI204": (
        "A reshape, or a flatten before a dense layer, must keep the number of elements, and cannot.",
        "Let one axis be -1, or correct in_units: the message shows both products.",
    ),
    "GI205": (
        "A size is negative or too small: mostly a kernel that reaches over more than its padded input.",
        "Use a smaller kernel, more padding, fewer strides, or larger images; --solve says which fit.",
    ),
    "GI206": (
        "A shape is given in a way that cannot be read. Sizes are whole numbers from 0 on, -1 for unknown, or"
        " names and expressions such as 'batch' and '2*n + 1'.",
        "Write x=batch,64 on the command line, x=('batch', 64) in Python.",
    ),
    "GI207": (
        "A size is needed and follows from nothing that is stated.",
        "Give one of the facts that the message lists, such as axis 1 of x.",
    ),
    "GI208": (
        "The network asks several things of its symbols that no sizes meet together, such as h % 4 == 0 and"
        " h == 7.",
        "The message lists each requirement with the equation it comes from; change one of those.",
    ),
    "GI209": (
        "An equation leaves a few numbers for a size that is not stated, such as 1 or 7 where it broadcasts to"
        " 7, and each of them leads to a mistake elsewhere.",
        "The message says for each number what it would clash with; change one of those, or what leaves so few.",
    ),
    "GI211": (
        "A column (n, 1) is combined with a vector (n,): that gives all pairs, (n, n), and is mostly a loss"
        " between predictions and labels of different rank.",
        "Reshape one of them; to get all pairs on purpose, write the vector as (1, n).",
    ),
    "GI212": (
        "A reshape puts parts of several samples into one row.",
        "Keep the batch in front: x.reshape(x.shape[0], -1).",
    ),
    "GI213": (
        "Two axes of one input have the same number, and the network would not hold if they had not: an axis is"
        " probably used in the place of the other.",
        "Check transposes and the order of axes; give both axes one name if they are equal on purpose.",
    ),
    "GI214": (
        "An input, a parameter or the result of a branch has no effect on any output.",
        "Remove it, or use it: mostly a layer was made and not called, or called in vain.",
    ),
    "GI215": (
        "The network holds only with a size of 0 that nobody stated, so that an array has no elements.",
        "Check the sizes that it follows from; state the 0 where it is meant.",
    ),
    "GI301": (
        "A value has a dtype that an op cannot take, or an array does not fit the declared dtype.",
        "Convert with F.cast, or declare the input with the dtype it has: x=int64:batch,64.",
    ),
    "GI302": (
        "What was given in place of an array cannot be used as one.",
        "Pass NumPy arrays, or nested lists of numbers.",
    ),
    "GI401": (
        "A parameter was asked for its values, and nobody has initialised it.",
        "Call net.initialize() first.",
    ),
    "GI402": (
        "A parameter is initialised as soon as its shape is known, which it is not yet.",
        "Call the network once, or net.infer_shape(x=...), or state the missing size.",
    ),
    "GI403": (
        "A parameter has one shape and is given another: by data, by a tie, by a file.",
        "The message shows both shapes and where each comes from.",
    ),
    "GI404": (
        "An initializer gave values of the wrong shape or kind, or raised.",
        "The initializer's own error is the cause that is shown.",
    ),
    "GI405": (
        "A parameter was asked for something that it cannot do, or given a bad argument.",
        "The message names the argument and what it takes.",
    ),
    "GI406": (
        "A parameter with grad_req='null' keeps no gradient.",
        "Set grad_req to 'write' or 'add'.",
    ),
    "GI407": (
        "A block was built or called wrongly.",
        "The message names the argument and what it takes.",
    ),
    "GI501": (
        "Gradients go back over what the last forward pass kept, and there was none, or they were used up.",
        "Call forward before backward, with train=True where it is asked for.",
    ),
    "GI502": (
        "A value is out of the range that an op takes, such as an id beyond the vocabulary.",
        "Check the data; the message shows the value and the range.",
    ),
    "GI503": (
        "A program or a network was called with the wrong arguments.",
        "The message lists the inputs that it takes.",
    ),
    "GI504": (
        "An array that the network asks for is larger than the memory that is free, or than any memory.",
        "Look at the shapes with graphinit check: mostly a size is meant to be smaller, or the batch is large.",
    ),
    "GI601": (
        "The target of a command is not there, or could not be imported.",
        "Write FILE.py:NAME, package.module:NAME, FILE.json or FILE.graphml.",
    ),
    "GI602": (
        "The target is there, and is neither a network nor a graph nor a function that returns one.",
        "Name a block, a Graph, or a function without arguments.",
    ),
    "GI603": (
        "No layout engine is at hand to draw with.",
        "Install Graphviz, or save as .dot, which needs none.",
    ),
    "GI701": (
        "A file of arrays cannot be written or read.",
        "The message says what is wrong with it; nothing was changed.",
    ),
}


def page(code: str) -> str:
    """Return the page on an error code.

    Raises
    ------
    TargetError
        GI601, when there is no such code.

    Examples
    --------
    >>> print(page("GI406").splitlines()[0])
    GI406 no gradient buffer
    """
    code = code.upper()
    if code not in CODES:
        close = nearest(code, CODES)
        hint = f"; did you mean {close}?" if close else ""
        raise TargetError(f"there is no error code {code}{hint}")
    meaning, remedy = _PAGES.get(code, (f"{CODES[code].capitalize()}.", "The message says what to change."))
    return "\n\n".join([f"{code} {CODES[code]}", _filled(meaning), _filled(remedy)])


def _filled(text: str) -> str:
    lines, line = [], " "
    for word in text.split():
        if len(line) + len(word) >= 79:
            lines.append(line)
            line = " "
        line += f" {word}"
    return "\n".join([*lines, line])
