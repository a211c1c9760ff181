"""Names of other frameworks: taken where they mean the same, else refused with what to write."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import graphinit
from graphinit import autograd, init, nn, optimizer, random
from graphinit import functional as F
from graphinit.errors import BlockError, GraphInitError, ParameterError, SpellingError, SymbolicValueError
from graphinit.parameter import Parameter


class Told(nn.Block):
    """A block whose forward is one line."""

    def __init__(self, line):
        super().__init__()
        self.dense = nn.Dense(3)
        self.line = line

    def forward(self, x):
        return self.line(self.dense(x))


def said(line, kind=SpellingError):
    with pytest.raises(kind) as caught:
        line()
    return caught.value.message


# ---------------------------------------------------------------------- tensors


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (lambda x: x.norm(), "a tensor has no norm here; write F.sqrt(F.sum(F.square(x)))"),
        (lambda x: x.abs(), "a tensor has no abs here; write F.abs(x)"),
        (lambda x: x.relu(), "a tensor has no relu here; write F.relu(x)"),
        (lambda x: x.exp(), "a tensor has no exp here; write F.exp(x)"),
        (lambda x: x.softmax(axis=1), "a tensor has no softmax here; write F.softmax(x)"),
        (lambda x: x.expand_dims(axis=1), "a tensor has no expand_dims here; write F.expand_dims(x)"),
        (lambda x: x.dot(x), "a tensor has no dot here; write x @ y"),
        (lambda x: x.view(-1), "a tensor has no view here; write x.reshape(shape)"),
        (lambda x: x.size(0), "a tensor has no size here; write x.shape"),
        (lambda x: x.detach(), "a tensor has no detach here; write F.stop_gradient(x)"),
        (lambda x: x.to("cpu"), "a tensor has no to here; leave it out: everything lives in main memory"),
    ],
)
def test_methods_that_tensors_do_not_have(line, words):
    net = Told(line)
    net.initialize()
    for run in (lambda: net(np.ones((2, 5))), lambda: net.trace(x=(2, 5)), net.trace):
        assert said(run) == words
    assert net.dense.weight.shape == (3, -1)


@pytest.mark.parametrize("name", ["asscalar", "item", "asnumpy", "numpy", "tolist"])
def test_a_tensor_has_no_value(name):
    message = said(lambda: getattr(F.input("x", (2,)), name))
    assert message.startswith(f"a tensor has no {name} here; it has no value while its network is described")
    assert "F.while_loop" in message


def test_a_misspelt_attribute_is_python_s_own_error():
    x = F.input("x", (2,))
    with pytest.raises(AttributeError, match="a tensor has no attribute 'shapes'") as caught:
        x.shapes
    assert not isinstance(caught.value, GraphInitError)
    assert not hasattr(x, "norm")
    assert copy.copy(x) is x
    assert pickle.loads(pickle.dumps(x)).type == x.type


def test_a_python_loop_says_how_the_loop_is_written():
    def loop(x):
        while F.sum(x) > 1:
            x = x / 2
        return x

    net = Told(loop)
    net.initialize()
    message = said(lambda: net(np.ones((2, 5))), SymbolicValueError)
    written = message.rpartition(" write ")[2]
    assert written == "x = F.while_loop(lambda x: F.sum(x) > 1, lambda x: x / 2, x)"
    names = {"F": F, "x": F.input("x", (3,))}
    exec(written, names)
    assert float(graphinit.compile(graphinit.Graph(names["x"])).forward(np.ones(3)).sum()) == 0.75


def test_a_recorded_array_says_what_to_write_too():
    x = np.ones((2, 3), np.float32)
    net = nn.Dense(1)
    net.initialize()
    with autograd.record():
        y = net(x)
        with pytest.raises(SpellingError, match=r"a recorded array has no norm here; write F.sqrt"):
            y.norm()
        with pytest.raises(SpellingError, match=r"a recorded array has no exp here; write F.exp\(x\)"):
            y.exp()
    with pytest.raises(AttributeError, match="a recorded array has no attribute 'shpe'"):
        y.shpe
    assert not hasattr(y, "shpe")


def test_a_recorded_array_has_a_scalar():
    net = nn.Dense(1, in_units=1, use_bias=False)
    net.initialize(init.Constant(2))
    with autograd.record():
        y = net(np.full((1, 1), 3.0))
    assert y.asscalar() == 6


# ---------------------------------------------------------------------- parameters


def test_data_and_grad_are_methods():
    weight = Parameter(shape=(2, 3))
    weight.initialize("ones")
    for name in ("data", "grad"):
        method = getattr(weight, name)
        words = f"{name} is a method here; write {name}(), as in weight.{name}()[0]"
        for line in (
            lambda: method[0],  # noqa: B023
            lambda: method[0, 0],  # noqa: B023
            lambda: method + 1,  # noqa: B023
            lambda: 2 * method,  # noqa: B023
            lambda: np.ones((2, 3)) * method,  # noqa: B023
            lambda: np.ones((2, 3)) @ method,  # noqa: B023
            lambda: -method,  # noqa: B023
            lambda: abs(method),  # noqa: B023
            lambda: method > 0,  # noqa: B023
            lambda: np.asarray(method),  # noqa: B023
            lambda: float(method),  # noqa: B023
            lambda: list(method),  # noqa: B023
            lambda: method.shape,  # noqa: B023
            lambda: method.abs() >= 5,  # noqa: B023
            lambda: method == 1,  # noqa: B023
            lambda: method != np.ones((2, 3)),  # noqa: B023
            lambda: np.ones((2, 3)) == method,  # noqa: B023
            lambda: np.array_equal(method, np.ones((2, 3))),  # noqa: B023
            lambda: np.sum(method, axis=0),  # noqa: B023
            lambda: np.exp(method),  # noqa: B023
        ):
            assert said(line) == words
        assert repr(method) == f"<bound method Parameter.{name} of Parameter (shape=(2, 3), dtype=float32)>"
        assert callable(method)
        assert method
        assert method() is getattr(Parameter, name)(weight)
        assert list(inspect.signature(getattr(Parameter, name)).parameters) == ["self"]
        assert getattr(Parameter, name).__doc__.startswith("Return the live")
        assert getattr(Parameter, name).__qualname__ == method.__qualname__ == f"Parameter.{name}"
        assert method.__self__ is weight
        assert method == getattr(weight, name) != getattr(Parameter(), name)
        assert {method: 1}[getattr(weight, name)] == 1
        assert method != "data"
        assert (pickle.loads(pickle.dumps(method))() == method()).all()
        assert copy.copy(method)() is method()


def test_data_and_grad_cannot_be_assigned():
    weight = Parameter(shape=(2, 3))
    weight.initialize("ones")

    def assign_data():
        weight.data = np.zeros((2, 3))

    def assign_grad():
        weight.grad = None

    assert said(assign_data) == (
        "data is a method here; write weight.set_data(values), or weight.data()[:] = values"
    )
    assert said(assign_grad) == "grad is a method here; write weight.grad()[:] = values"
    assert (weight.data() == 1).all()
    assert weight.T.data().shape == (3, 2)
    assert said(lambda: weight.T.data[0]) == "data is a method here; write data(), as in weight.data()[0]"


@pytest.mark.parametrize("name", ["requires_grad", "trainable"])
def test_freezing_in_another_spelling_is_not_silent(name):
    net = nn.Dense(3, in_units=2)
    for line in (lambda: setattr(net.weight, name, False), lambda: getattr(net.weight, name)):
        assert said(line) == f"there is no {name} here; write grad_req = 'null', or 'write'"
    assert net.weight.grad_req == "write"


@pytest.mark.parametrize("name", ["requires_grad", "trainable", "grad_req"])
def test_freezing_a_block_in_another_spelling_is_not_silent(name):
    net = nn.Sequential(nn.Dense(3, in_units=2), nn.ReLU())
    words = f'there is no {name} here; write net.collect_params().setattr("grad_req", "null")'
    for block in net, net[0], net[1]:
        assert said(lambda: setattr(block, name, False)) == words  # noqa: B023
        assert said(lambda: getattr(block, name)) == words  # noqa: B023
        assert not hasattr(block, name)

    class Own(nn.Block):
        trainable = True

    own = Own()
    own.trainable = False
    assert not own.trainable
    net.collect_params().setattr("grad_req", "null")
    assert {parameter.grad_req for parameter in net.parameters()} == {"null"}


def test_an_attribute_that_parameters_do_not_have_is_set_on_none():
    net = nn.Dense(3, in_units=2)
    with pytest.raises(ParameterError, match="no attribute 'gradreq'; did you mean 'grad_req'"):
        net.collect_params().setattr("gradreq", "null")
    nn.ReLU().collect_params().setattr("grad_req", "null")


def test_values_in_the_spelling_of_keras_and_flax_are_not_lost():
    weight = Parameter(shape=(2,))
    words = "there is no value here; write weight.data(), and weight.set_data(values)"
    assert said(lambda: setattr(weight, "value", np.ones(2))) == words
    assert said(lambda: weight.value) == words
    assert (
        said(lambda: weight.copy_([1, 2])) == "a parameter has no copy_ here; write weight.set_data(values)"
    )


def test_other_names_of_parameters():
    weight = Parameter(shape=(2,))
    assert said(lambda: weight.list_data) == "a parameter has no list_data here; write weight.data()"
    with pytest.raises(AttributeError, match="shap'"):
        weight.shap


def test_assign_is_set_data_and_returns_the_parameter():
    weight = Parameter(shape=(2, -1))
    assert weight.assign([[1, 2, 3], [4, 5, 6]]) is weight
    assert weight.shape == (2, 3)
    with pytest.raises(ParameterError, match="does not fit"):
        weight.assign(np.ones((3, 3)))
    np.testing.assert_array_equal(weight.data(), [[1, 2, 3], [4, 5, 6]])


# ---------------------------------------------------------------------- blocks


def test_named_parameters_gives_each_once_by_its_first_path():
    shared = nn.Dense(4)
    net = nn.Sequential(shared, nn.BatchNorm(), nn.Dense(4), shared)
    net[2].weight = shared.weight.T
    names = [name for name, _ in net.named_parameters()]
    assert names == ["0.weight", "0.bias", "1.gamma", "1.beta", "2.bias"]
    assert [parameter for _, parameter in net.named_parameters()] == list(net.parameters())
    assert iter(net.named_parameters()) is not None
    assert next(net.named_parameters())[1] is shared.weight
    net[0].weight.grad_req = "null"  # frozen ones count
    assert next(net.named_parameters())[0] == "0.weight"


def test_parameters_are_what_an_optimiser_takes():
    net = nn.Sequential(nn.Dense(4, activation="tanh"), nn.Dense(1))
    net.initialize()
    x = np.cos(np.arange(10)).reshape(2, 5)
    exe = graphinit.compile(net, x=x)
    before = exe.forward(x).sum()
    exe.backward()
    optimizer.SGD(net.parameters(), 0.1).step(2)
    assert exe.forward(x).sum() < before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            lambda net: net.name_scope(),
            "Sequential has no name_scope here; leave it out: parameters are named by their place, as in 0.weight",
        ),
        (lambda net: net.layers, "Sequential has no layers here; write net[0], or list(net)"),
        (
            lambda net: net[0].weights,
            "Dense has no weights here; write net.collect_params(), or net[0].weight",
        ),
        (
            lambda net: net.state_dict(),
            "Sequential has no state_dict here; write net.collect_params(), or net.save_parameters(filename)",
        ),
        (
            lambda net: net.eval(),
            "Sequential has no eval here; leave it out: networks train in autograd.record, compile_step and fit, "
            "and predict when called",
        ),
        (
            lambda net: net.collect_params().save("x"),
            "a dict of parameters has no save here; write net.save_parameters(filename)",
        ),
        (
            lambda net: net.collect_params().reset_ctx(None),
            "a dict of parameters has no reset_ctx here; leave it out: everything lives in main memory",
        ),
        (
            lambda net: net.params.get_constant("w", np.ones(3)),
            "a dict of parameters has no get_constant here; write self.weight = nn.Constant(value)",
        ),
        (
            lambda net: net.params.get("weight", shape=(3,), init=None),
            "get looks up what there is; to make a parameter write self.weight = nn.Parameter('weight', ...)",
        ),
    ],
)
def test_names_that_blocks_do_not_have(line, words):
    assert said(lambda: line(nn.Sequential(nn.Dense(3)))) == words


def test_a_class_may_have_what_the_table_names():
    class Own(nn.Block):
        weights = (1, 2)

        def __init__(self):
            super().__init__()
            self.layers = 3

        def eval(self):
            return 4

    net = Own()
    assert (net.weights, net.layers, net.eval()) == ((1, 2), 3, 4)
    assert not hasattr(net, "state_dict")
    again = pickle.loads(pickle.dumps(nn.Sequential(nn.Dense(3))))
    assert not hasattr(again, "layers")


def test_what_fails_in_a_property_is_not_hidden():
    class Own(nn.Block):
        @property
        def layers(self):
            return None.missing

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'missing'"):
        Own().layers
    with pytest.raises(AttributeError, match="'Own' object has no attribute 'weigth'") as caught:
        Own().weigth
    assert caught.value.name == "weigth"


def test_older_names_are_looked_up_by_get_too():
    net = nn.Sequential(nn.Dense(3))
    parameters = net.collect_params()
    assert parameters.get(f"{net[0].name}_weight") is net[0].weight
    assert parameters.get("0.bias") is net[0].bias
    assert parameters.get("1.bias") is None
    assert parameters.get("1.bias", 7) == 7


# ---------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: nn.Dense(3, prefix="a_"),
            "Dense has no argument 'prefix' here; leave it out: parameters are named",
        ),
        (
            lambda: nn.Dense(3, kernel_init="ones"),
            "Dense has no argument 'kernel_init' here; write weight_initializer=",
        ),
        (
            lambda: nn.Dense(in_features=2, units=3),
            "Dense has no argument 'in_features' here; write in_units=",
        ),
        (lambda: nn.Dense(features=3), "Dense has no argument 'features' here; write units="),
        (lambda: nn.Dense(3, bias=False), "Dense has no argument 'bias' here; write use_bias="),
        (
            lambda: nn.Dense(3, ctx=None),
            "Dense has no argument 'ctx' here; leave it out: everything lives in",
        ),
        (
            lambda: nn.Conv2D(features=3, kernel_size=2),
            "Conv2D has no argument 'features' here; write channels=",
        ),
        (lambda: nn.Conv2D(3, 2, stride=2), "Conv2D has no argument 'stride' here; write strides="),
        (lambda: nn.Softmax(dim=1), "Softmax has no argument 'dim' here; write axis="),
        (lambda: nn.Dropout(p=0.5), "Dropout has no argument 'p' here; write rate="),
        (
            lambda: nn.ReLU(inplace=True),
            "ReLU has no argument 'inplace' here; leave it out: memory is planned",
        ),
        (
            lambda: nn.Block(params={}),
            "Block has no argument 'params' here; write share_parameters(other.params)",
        ),
    ],
)
def test_arguments_in_another_spelling(make, words):
    assert said(make).startswith(words)


def test_another_argument_that_is_not_taken_gets_a_suggestion_or_a_list():
    with pytest.raises(BlockError, match="Dense takes no argument 'unitz'; did you mean 'units'"):
        nn.Dense(unitz=3)
    with pytest.raises(BlockError, match="Dense takes no argument 'dim'"):
        nn.Dense(3, dim=1)  # axis= is none of its arguments


def test_a_class_of_the_user_s_takes_its_own_arguments():
    class Own(nn.Dense):
        def __init__(self, units, prefix=None, **options):
            super().__init__(units, **options)
            self.prefix_given = prefix

    assert Own(3, prefix="a_").prefix_given == "a_"

    class Old(nn.Block):
        def __init__(self, prefix=None, params=None):
            super().__init__(prefix=prefix, params=params)

    Old()
    assert said(lambda: Old(prefix="a_")) == (
        "Old has no argument 'prefix' here; leave it out: parameters are named by their place, as in 0.weight"
    )


def test_mixins_are_made_as_they_were():
    class Sized:
        def __init__(self, size=2):
            self.size_given = size

    class Net(nn.Block, Sized):
        def __init__(self, **options):
            super().__init__(**options)

    assert (Net().size_given, Net(size=5).size_given) == (2, 5)
    with pytest.raises(TypeError):
        nn.Block(3)


def test_devices_are_taken_where_gluon_takes_them(tmp_path):
    net = nn.Sequential(nn.Dense(3, in_units=2))
    for name in ("ctx", "device"):
        net.initialize(init.One(), force_reinit=True, **{name: object()})
        net.collect_params().initialize(init.One(), force_reinit=True, **{name: object()})
        net[0].weight.initialize(init.One(), force_reinit=True, **{name: object()})
        net.save_parameters(tmp_path / "net.safetensors")
        net.load_parameters(tmp_path / "net.safetensors", **{name: object()})
        net.load_dict({"0.weight": np.ones((3, 2), "f4"), "0.bias": np.zeros(3, "f4")}, **{name: object()})
    assert (net[0].weight.data() == 1).all()


@pytest.mark.parametrize("draw", [random.uniform, random.normal])
def test_random_numbers_take_a_shape_or_a_size(draw):
    random.seed(5)
    first = draw(size=(2, 3))
    random.seed(5)
    np.testing.assert_array_equal(draw(shape=(2, 3)), first)
    assert draw(shape=4).shape == (4,)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("Linear", "nn.Dense"), ("LazyLinear", "nn.Dense"), ("Module", "nn.Block"), ("relu", "F.relu")],
)
def test_names_of_other_frameworks_in_the_module_of_layers(name, meant):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; it is {meant} here$"):
        getattr(nn, name)


# ---------------------------------------------------------------------- arrays in initializers


class Drawn(init.Initializer):
    def __init__(self, line):
        super().__init__()
        self.line = line

    def _init_weight(self, name, data):
        self.line(data)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (lambda data: data.abs(), "write np.abs(data)"),
        (lambda data: data.sqrt(), "write np.sqrt(data)"),
        (lambda data: data.exp(), "write np.exp(data)"),
        (lambda data: data.norm(), "write np.linalg.norm(data)"),
        (lambda data: data.asnumpy(), "it is a NumPy array already: leave it out"),
        (lambda data: data.uniform_(-1, 1), "write data[:] = np.random.uniform(low, high, data.shape)"),
        (lambda data: (data + 1).abs(), "write np.abs(data)"),
    ],
)
def test_methods_that_arrays_do_not_have(line, words):
    net = nn.Sequential(nn.Dense(3, in_units=2))
    net.initialize("ones")
    with pytest.raises(SpellingError) as caught:
        net.initialize(Drawn(line), force_reinit=True)
    assert caught.value.message.endswith(f"; {words}")
    assert caught.value.message.startswith("a NumPy array has no ")
    assert caught.value.path == "0.weight"
    assert isinstance(caught.value.__cause__, AttributeError)
    assert (net[0].weight.data() == 1).all()


def test_functions_are_told_too():
    for function in (
        lambda rng, shape, dtype: rng.uniform(-1, 1, shape).abs(),
        lambda shape, dtype: np.ones(shape, dtype).abs(),
    ):
        net = nn.Dense(3, in_units=2, weight_initializer=function)
        with pytest.raises(SpellingError, match=r"a NumPy array has no abs; write np.abs\(data\)"):
            net.initialize()


def test_other_mistakes_of_an_initializer_are_its_own():
    net = nn.Dense(3, in_units=2)
    for line in (lambda data: data.missing_method(), lambda data: None.abs()):
        with pytest.raises(AttributeError) as caught:
            net.initialize(Drawn(line))
        assert not isinstance(caught.value, SpellingError)


def test_the_error_is_an_attribute_error_and_is_pickled():
    error = SpellingError("write this", path="0.weight")
    assert isinstance(error, AttributeError)
    assert isinstance(error, TypeError)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.path) == (str(error), "0.weight")
