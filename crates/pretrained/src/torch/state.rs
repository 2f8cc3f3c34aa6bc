//! The tensors of a state dict, wherever a training script put it.

use super::pickle::Pickle;
use super::value::{Id, Value, View};
use crate::archive::{LARGEST_RATIO, SMALL};
use crate::regions::Region;
use crate::stored::{self, StoredTensor};
use std::collections::{HashMap, HashSet};

/// Under these names a checkpoint holds its model's state dict, beside the optimiser's state and the like.
const WRAPPERS: [&str; 7] =
    ["state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights"];

/// What `DataParallel` puts before every name.
const PARALLEL: &str = "module.";

/// The entries of a dictionary.
fn entries(value: &Value) -> Option<&Vec<(Id, Id)>> {
    match value {
        Value::Dict(entries) => Some(entries),
        _ => None,
    }
}

/// The names and tensors, in their order.
pub(super) fn tensors(pickle: &Pickle) -> Result<Vec<(String, &View)>, String> {
    let held = |value: &Value| {
        let mut values = entries(value).into_iter().flatten().map(|(_, value)| &pickle.values[*value]);
        values.any(|value| matches!(value, Value::Tensor(_)))
    };
    let Some(top) = entries(pickle.top()) else {
        return Err("holds no dictionary of tensors; save `model.state_dict()`".into());
    };
    let inner = WRAPPERS.iter().find_map(|wrapper| {
        let found = top.iter().find(|(key, _)| pickle.text(*key) == Some(wrapper));
        found.map(|(_, value)| &pickle.values[*value]).filter(|value| held(value))
    });
    let state = match inner {
        _ if held(pickle.top()) => top,
        Some(inner) => entries(inner).unwrap_or(top),
        None => {
            let keys: Vec<_> = top.iter().filter_map(|(key, _)| pickle.text(*key)).take(10).collect();
            return Err(format!(
                "holds no tensors by name, neither at its top nor under `{}`; its keys are {keys:?}",
                WRAPPERS.join("`, `")
            ));
        }
    };
    let mut tensors = Vec::new();
    for (key, value) in state {
        if let Value::Tensor(view) = &pickle.values[*value] {
            let name = pickle.text(*key).ok_or("holds a tensor whose name is no text")?;
            tensors.push((name.to_string(), view));
        }
    }
    if tensors.iter().all(|(name, _)| name.starts_with(PARALLEL)) {
        tensors.iter_mut().for_each(|(name, _)| *name = name[PARALLEL.len()..].to_string());
    }
    let mut seen = HashSet::new();
    match tensors.iter().find(|(name, _)| !seen.insert(name)) {
        Some((name, _)) => Err(format!("holds two tensors called `{name}`")),
        None => Ok(tensors),
    }
}

/// Where the numbers of the tensors lie, given the byte at which each storage begins and how many bytes it has.
pub(super) fn regions(
    tensors: Vec<(String, &View)>,
    storages: &HashMap<String, (u64, u64)>,
    big_endian: bool,
) -> Result<(Vec<StoredTensor>, HashMap<String, Region>), String> {
    let (mut stored, mut regions) = (Vec::new(), HashMap::new());
    // Tied weights share a storage; thousands of views of one are an attack.
    let (mut used, held) = (0u64, storages.values().map(|(_, length)| length).sum::<u64>());
    for (name, view) in tensors {
        let wrong = |message: &str| format!("`{name}`: {message}");
        let storage = &view.storage;
        let &(start, length) = storages
            .get(&*storage.key)
            .ok_or_else(|| wrong(&format!("its storage `{}` is not in the file", storage.key)))?;
        let each = storage.numbers.bytes();
        // As many numbers as the storage is said to have, and has.
        let holds = usize::try_from(length / each.max(1) as u64).unwrap_or(usize::MAX).min(storage.count);
        let first =
            storage.offset.checked_add(view.offset).ok_or_else(|| wrong("lies beyond its storage"))?;
        check(view, holds.saturating_sub(first)).map_err(wrong)?;
        let strides = (!is_contiguous(view)).then(|| view.strides.clone());
        let start = start + (first.min(holds) * each) as u64;
        regions.insert(name.clone(), Region { start, strides, big_endian });
        let tensor = StoredTensor { name, shape: view.shape.clone(), numbers: storage.numbers };
        used = used.saturating_add(tensor.bytes().unwrap_or(u64::MAX));
        if used > held.saturating_mul(LARGEST_RATIO).max(SMALL) {
            return Err(format!(
                "its tensors take {used} bytes of the {held} that it holds, which no weights do"
            ));
        }
        stored.push(tensor);
    }
    Ok((stored, regions))
}

/// A view must lie inside `holds` numbers and use none of them twice.
fn check(view: &View, holds: usize) -> Result<(), &'static str> {
    if stored::size(&view.shape) == Some(0) {
        return Ok(());
    }
    let mut axes: Vec<_> = view.strides.iter().zip(&view.shape).filter(|(_, extent)| **extent > 1).collect();
    axes.sort();
    let mut last = 0usize;
    for (&stride, &extent) in axes {
        if stride <= last {
            return Err("uses numbers twice, as a tensor made by `expand` does; save a copy of it");
        }
        let reach = (extent - 1).checked_mul(stride).and_then(|reach| reach.checked_add(last));
        last = reach.ok_or("lies beyond its storage")?;
    }
    if last < holds { Ok(()) } else { Err("lies beyond its storage; the file may be cut off") }
}

fn is_contiguous(view: &View) -> bool {
    let mut step = 1;
    view.shape.iter().zip(&view.strides).rev().all(|(&extent, &stride)| {
        let fits = extent == 1 || stride == step;
        step *= extent;
        fits
    })
}
