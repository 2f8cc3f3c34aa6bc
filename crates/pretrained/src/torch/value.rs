//! What a pickle of tensors can hold, and the only names that it may use.

use crate::number::NumberType;
use std::sync::Arc;

/// A value's place among all of a pickle.
pub(super) type Id = usize;

/// What a pickle makes.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Nothing that matters: None, settings, sets.
    Inert,
    /// A whole number.
    Int(i128),
    /// A text.
    Text(Arc<str>),
    /// Values side by side.
    Tuple(Vec<Id>),
    /// A list.
    List(Vec<Id>),
    /// A dictionary, in the order of its entries.
    Dict(Vec<(Id, Id)>),
    /// One of the names that are known.
    Name(Name),
    /// Numbers somewhere in the file.
    Storage(Storage),
    /// A view of a storage.
    Tensor(View),
}

/// The names that a state dict may use. `callable` says what a call of it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Size,
    Storage(NumberType),
    /// Names of settings beside the tensors, whose values do not matter.
    Setting,
}

/// Numbers of one kind in a file, of which tensors are views.
#[derive(Clone, Debug)]
pub(super) struct Storage {
    pub(super) key: Arc<str>,
    pub(super) numbers: NumberType,
    /// How many numbers it holds.
    pub(super) count: usize,
    /// Where a view of a larger storage begins in it.
    pub(super) offset: usize,
}

/// A tensor: which numbers of a storage.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) storage: Storage,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// The name `name` of the module `module`, if a state dict may use it.
pub(super) fn known(module: &str, name: &str) -> Option<Name> {
    Some(match (module, name) {
        ("collections", "OrderedDict") => Name::OrderedDict,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Name::RebuildTensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Name::RebuildParameter,
        ("torch", "Size") => Name::Size,
        ("torch", name) if name.ends_with("Storage") => Name::Storage(match name {
            "HalfStorage" => NumberType::F16,
            "BFloat16Storage" => NumberType::BF16,
            "FloatStorage" => NumberType::F32,
            "DoubleStorage" => NumberType::F64,
            "CharStorage" => NumberType::I8,
            "ShortStorage" => NumberType::I16,
            "IntStorage" => NumberType::I32,
            "LongStorage" => NumberType::I64,
            "ByteStorage" => NumberType::U8,
            "BoolStorage" => NumberType::Bool,
            _ => return None,
        }),
        ("torch", "device" | "float32" | "float64" | "float16" | "bfloat16" | "int64") => Name::Setting,
        // Scalars of NumPy, as training scripts keep the best accuracy so far.
        ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Name::Setting,
        ("numpy", "dtype") | ("_codecs", "encode") => Name::Setting,
        _ => return None,
    })
}
