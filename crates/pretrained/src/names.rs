//! From the names of tensors to layers: `features.0.weight` belongs to the layer `features.0`.

use crate::stored::{Layout, StoredLayer, StoredTensor};
use std::collections::{HashMap, HashSet};

/// The layers of tensors whose names are all that is known, in the order in which they come first.
///
/// What stands before the last `/` or `.` of a name is the layer. PyTorch's way of laying out numbers is told by its own
/// names, `weight` and `running_mean`; everything else is taken to be laid out as Keras does.
pub(crate) fn layers(tensors: Vec<StoredTensor>) -> Vec<StoredLayer> {
    let mut layers: Vec<StoredLayer> = Vec::new();
    let mut places = HashMap::new();
    for tensor in tensors {
        let (path, name) = split(&tensor.name);
        let (path, name) = (path.to_string(), name.to_string());
        let place = *places.entry(path.clone()).or_insert_with(|| {
            // A nested network's layers are joined by dots in PyTorch, by slashes here.
            let alias = path.contains('.').then(|| path.replace('.', "/"));
            layers.push(StoredLayer { path: Some(path), alias, ..StoredLayer::default() });
            layers.len() - 1
        });
        layers[place].tensors.push((name, tensor));
    }
    for layer in &mut layers {
        let own = |name: &String| matches!(&**name, "weight" | "running_mean" | "running_var");
        if layer.tensors.iter().any(|(name, _)| own(name)) {
            layer.layout = Layout::TORCH;
        }
    }
    layers
}

/// `name`, or with the first number behind it that is not `taken`; taken from now on.
pub(crate) fn free(taken: &mut HashSet<String>, name: &str) -> String {
    let numbered = (1..).map(|number| format!("{name}_{number}"));
    let free = std::iter::once(name.to_string()).chain(numbered).find(|name| !taken.contains(name));
    let name = free.unwrap_or_default();
    taken.insert(name.clone());
    name
}

/// The layer and the name below it.
fn split(name: &str) -> (&str, &str) {
    match name.rfind(['/', '.']) {
        Some(place) => (&name[..place], &name[place + 1..]),
        None => ("", name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::NumberType;

    #[test]
    fn names_make_layers() {
        let names = ["base.0.weight", "block1/conv/kernel:0", "base.0.bias", "lonely", "block1/conv/bias:0"];
        let tensor =
            |name: &str| StoredTensor { name: name.into(), shape: vec![1], numbers: NumberType::F32 };
        let layers = layers(names.iter().map(|name| tensor(name)).collect());
        let paths: Vec<_> = layers.iter().map(|layer| layer.path.as_deref().unwrap()).collect();
        assert_eq!(paths, ["base.0", "block1/conv", ""]);
        assert_eq!((layers[0].alias.as_deref(), layers[0].layout), (Some("base/0"), Layout::TORCH));
        assert_eq!((layers[1].alias.as_deref(), layers[1].layout), (None, Layout::default()));
        let below: Vec<_> = layers[1].tensors.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(below, ["kernel:0", "bias:0"]);
    }
}
