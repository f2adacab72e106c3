"""A device that is not the CPU, without any hardware: `import makebelieve`, and PRACTICUM_DEVICE=fake computes on it.

Its tensors hold a tensor of the CPU each, and every operation on them comes by here. What CUDA refuses is refused:
tensors of two devices in one operation, the other device's generator, `.numpy()`, a CPU tensor indexed by a tensor of
the device. Random numbers come from a generator of its own. ROUNDING=other adds up in another order, divides by a
number as CUDA does, and convolves in TF32.

It can't show CUDA's times, memory, streams or nondeterminism. It uses what torch calls PrivateUse1, from 2.13 on, an
interface that is experimental: what breaks with a newer torch is this file, not the course.
"""

import os
from functools import cache

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._mode_utils import no_dispatch

NAME = "fake"
OTHER_ROUNDING = os.environ.get("ROUNDING") == "other"
stream = torch.Generator().manual_seed(torch.initial_seed() % 2**63)  # the device's random numbers
generators = {}  # of the device, by what torch calls the same
seen = set()  # names of the operations that have come by

COPIES = {"_to_copy", "copy_", "copy", "_copy_from", "_copy_from_and_resize"}
INDEXED = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index", "_unsafe_index_put"}
# whose CUDA kernels take a 0-dim CPU tensor for a number, beside all that works value by value
TAKE_NUMBERS = {
    "where", "masked_fill", "masked_fill_", "index_fill", "index_fill_", "fill", "fill_", "full_like", "new_full",
    "lerp", "lerp_", "clamp", "copysign", "normal", "linspace", "logspace", "searchsorted", "bucketize", "quantile",
    "set_", "_fused_adam_", "_fused_adamw_", "_foreach_add_", "_foreach_sub_", "_foreach_mul_", "_foreach_div_",
    "_foreach_addcmul_", "_foreach_addcdiv_", "_local_scalar_dense"}


class Guard(torch._C._acc.DeviceGuard):
    """Tells torch whose tensors these are."""

    def type_(self):
        return torch._C._autograd.DeviceType.PrivateUse1


class Backend(backend_registration._DummyBackendModule):
    """What torch.fake holds: that it is there, and its random state."""

    def manual_seed_all(self, seed):
        stream.manual_seed(seed)

    def get_rng_state(self, device=0):
        return stream.get_state()

    def set_rng_state(self, state, device=0):
        stream.set_state(state)

    def synchronize(self, device=None):
        """Nothing is ever under way."""


class Generator(torch.Generator):
    """A generator of the CPU or of the device, whose random numbers the CPU makes as well."""

    @staticmethod
    def __new__(cls, device="cpu"):
        away = torch.device(device).type == NAME
        made = super().__new__(cls, "cpu" if away else device)
        if away:
            generators[made._cdata] = made
        return made

    def __init__(self, device="cpu"):
        super().__init__()

    @property
    def device(self):
        return DEVICE if is_away(self) else super().device


def is_away(generator):
    """Does it belong to the device? torch hands another object on for the same generator."""
    return generator is not None and generator._cdata in generators


class Refusal(TorchFunctionMode):
    """Refuses a generator of the device for random numbers of the CPU; they never come by here."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        if kwargs and is_away(kwargs.get("generator")) and not isinstance(out, Away):
            raise RuntimeError(f"Expected a 'cpu' device type for generator but found '{NAME}'")
        return out


class Away(torch.Tensor):
    """A tensor that says it lies on the device. `held` is where its values are."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held):
        held = held.resolve_conj().resolve_neg() if held.is_conj() or held.is_neg() else held
        away = torch.Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype,
            layout=held.layout, device=DEVICE)
        away.held = held
        return away

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return run(operation, args, kwargs or {})

    def numpy(self, *, force=False):
        if not force:
            raise TypeError(f"can't convert {DEVICE} device type tensor to numpy. Use Tensor.cpu() to copy the tensor "
                            "to host memory first.")
        return self.detach().cpu().numpy()

    def __array__(self, *args, **kwargs):
        return self.numpy()

    def tolist(self):
        return self.detach().cpu().tolist()

    def __repr__(self, *, tensor_contents=None):
        return f"{repr(self.detach().cpu())[:-1]}, device='{DEVICE}')"

    def __format__(self, spec):
        return format(self.item(), spec) if self.ndim == 0 else object.__format__(self, spec)

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            if not self.is_leaf:
                raise RuntimeError("Only Tensors created explicitly by the user support the deepcopy protocol")
            twin = memo[id(self)] = Away(self.held.clone()).requires_grad_(self.requires_grad)
            twin._is_param = getattr(self, "_is_param", False)  # what nn.Module asks of a parameter
            twin.grad = None if self.grad is None else self.grad.clone()
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        return Away, (self.held,)


class Rule:
    """What has to be known of an operation before it is run."""

    def __init__(self, operation):
        schema = operation._schema
        self.base = schema.name.split("::")[1]
        self.seeded = torch.Tag.nondeterministic_seeded in operation.tags
        self.takes_generator = any(a.name == "generator" for a in schema.arguments)
        self.reshapes = torch.Tag.inplace_view in operation.tags
        self.takes_numbers = torch.Tag.pointwise in operation.tags or self.base in TAKE_NUMBERS | COPIES
        # for each result: the place and name of the argument that it is, where an operation writes into one
        self.written = [next(((i, a.name) for i, a in enumerate(schema.arguments)
                              if out.alias_info and out.alias_info.is_write and a.alias_info and a.alias_info.is_write
                              and a.alias_info.before_set & out.alias_info.before_set), None) for out in schema.returns]
        self.mutates = any(self.written) or (schema.is_mutable and not schema.returns)


rule_of = cache(Rule)


def run(operation, args, kwargs):
    """One operation: look at what it is given, compute on the CPU, put the result on the device."""
    rule = rule_of(operation)
    seen.add(rule.base)
    if rule.base == "lift_fresh":
        return args[0]
    if kwargs.get("generator") is not None and not is_away(kwargs["generator"]):
        raise RuntimeError(f"Expected a '{NAME}' device type for generator but found 'cpu'")
    home = []  # the CPU's tensors among the arguments
    low = [_lowered(a, home) for a in args]
    target = torch.device(kwargs["device"]) if kwargs.get("device") is not None else DEVICE
    named = {k: _lowered(v, home) for k, v in kwargs.items() if k not in ("device", "generator", "pin_memory")}
    if kwargs.get("device") is not None:
        named["device"] = "cpu" if target.type == NAME else target
    if home:
        _refuse_two_devices(rule, args, home)
    if rule.seeded and rule.takes_generator:
        named["generator"] = kwargs.get("generator") or stream
    compute = _drawn if rule.seeded else _rounded if OTHER_ROUNDING and not rule.mutates else _plain
    out = compute(rule, operation, low, named)
    if not rule.mutates:
        return _raised(out, target)
    return _written(rule, operation, args, kwargs, out, target)


def _lowered(value, home):
    """The CPU's side of an argument; the CPU's own tensors are put into `home`."""
    if isinstance(value, Away):
        return value.held
    if isinstance(value, torch.Tensor):
        home.append(value)
    return [_lowered(v, home) for v in value] if isinstance(value, list | tuple) else value


def _raised(out, target):
    """A result on the device, if that is where it goes."""
    if target.type != NAME:
        return out
    if isinstance(out, torch.Tensor):
        return out if isinstance(out, Away) else Away(out)
    if isinstance(out, list | tuple):
        parts = [_raised(o, target) for o in out]
        return type(out)(*parts) if hasattr(out, "_fields") else type(out)(parts)
    return out


def _written(rule, operation, args, kwargs, out, target):
    """The results of an operation that writes into its arguments: those arguments, which follow what they hold."""
    results = []
    for at, part in zip(rule.written, out if isinstance(out, list | tuple) else (out,), strict=False):
        given = None if at is None else args[at[0]] if at[0] < len(args) else kwargs.get(at[1])
        if isinstance(given, Away) and rule.reshapes:
            with no_dispatch():
                operation(given, *args[1:], **kwargs)
        elif isinstance(given, Away) and given.held.shape != given.shape:
            raise NotImplementedError(f"{rule.base} changes a shape in place, which this device can't follow")
        results.append(_raised(part, target) if at is None else given)
    return out if not results else tuple(results) if isinstance(out, list | tuple) else results[0]


def _refuse_two_devices(rule, args, home):
    """CUDA lets pass: copies, numbers in 0-dim tensors, and CPU tensors as an index into its own."""
    if rule.base in COPIES:
        return
    if rule.base in INDEXED:
        values = args[2] if len(args) > 2 else None
        stranger = isinstance(values, torch.Tensor) and isinstance(values, Away) != isinstance(args[0], Away)
        led = isinstance(args[0], Away) or not any(isinstance(index, Away) for index in args[1])
        if led and not (stranger and values.ndim):
            return
    elif rule.takes_numbers and all(t.ndim == 0 for t in home):
        return
    raise RuntimeError("Expected all tensors to be on the same device, but found at least two devices, "
                       f"{DEVICE} and cpu! (in {rule.base}, CPU tensors of shape {[tuple(t.shape) for t in home]})")


def _plain(rule, operation, low, named):
    return operation(*low, **named)


def _drawn(rule, operation, low, named):
    """Random numbers from the device's own stream."""
    if rule.takes_generator:
        return operation(*low, **named)
    state = torch.get_rng_state()  # rand_like, dropout and the like take the CPU's: lend them ours
    torch.set_rng_state(stream.get_state())
    try:
        return operation(*low, **named)
    finally:
        stream.set_state(torch.get_rng_state())
        torch.set_rng_state(state)


def _rounded(rule, operation, low, named):
    """The same to the last digits but one."""
    x = low[0] if low else None
    if not isinstance(x, torch.Tensor) or x.dtype != torch.float32:
        return operation(*low, **named)
    if rule.base == "div" and len(low) == 2 and isinstance(low[1], int | float) and low[1] and not named:
        return x * torch.tensor(1 / low[1]).item()
    if rule.base in ("mm", "bmm") and x.shape[-1] > 1:
        half = x.shape[-1] // 2
        return operation(x[..., :half], low[1][..., :half, :]) + operation(x[..., half:], low[1][..., half:, :])
    if rule.base in ("sum", "mean") and "dtype" not in named:
        return operation(*low, **named, dtype=torch.float64).float()
    if rule.base in ("convolution", "convolution_backward") and torch.backends.cudnn.allow_tf32:
        return operation(*(_tf32(a) if isinstance(a, torch.Tensor) else a for a in low), **named)
    return operation(*low, **named)


def _tf32(x):
    """Rounded to the ten bits that tensor cores read."""
    return ((x.contiguous().view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)


def _held(tensor):
    return tensor.held if isinstance(tensor, Away) else tensor


def _register():
    """Make the device known, and what torch calls when no tensor of ours is among the arguments."""
    global DEVICE, library
    backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=Backend(), device_guard=Guard())
    DEVICE, library = torch.device(NAME, 0), torch.library.Library("aten", "IMPL")

    def made(name, function):
        library.impl(name, function, "PrivateUse1")

    def empty(size, dtype=None, layout=None, device=None, pin_memory=None, memory_format=None):
        memory_format = memory_format or torch.contiguous_format
        return Away(torch.empty(size, dtype=dtype, memory_format=memory_format, device="cpu"))

    def empty_strided(size, stride, dtype=None, layout=None, device=None, pin_memory=None):
        return Away(torch.empty_strided(size, stride, dtype=dtype, device="cpu"))

    made("empty.memory_format", empty)
    made("empty_strided", empty_strided)
    for name in ("arange", "arange.start", "arange.start_step", "eye", "eye.m", "tril_indices", "triu_indices",
                 "fft_fftfreq", "fft_rfftfreq"):
        base, _, overload = name.partition(".")
        operation = getattr(getattr(torch.ops.aten, base), overload or "default")
        made(name, lambda *args, operation=operation, device=None, pin_memory=None, **named: Away(
            operation(*args, device="cpu", **named)))
    for name in ("_copy_from", "_copy_from_and_resize"):  # on the way from torch.tensor(…)
        made(name, lambda source, target, non_blocking=False: (_held(target).copy_(_held(source)), target)[1])
    made("_local_scalar_dense", lambda value: _held(value).item())
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # param.data = … would leave `held` behind
    torch.Generator = Generator
    Refusal().__enter__()  # for good


_register()
