//! Keras' legacy HDF5 layout, that of `keras.applications`: groups named by layer, tensors named in attributes.
//!
//! The attribute `layer_names` lists the layers in their order, and each layer's group lists its tensors in
//! `weight_names`. A nested network is one group with the tensors of all its layers, those that learn first.

use crate::hdf5::{Folder, Hdf5};
use crate::stored::StoredLayer;
use std::collections::HashSet;

/// The layers of the group `top`, whose path is `prefix`.
pub(super) fn layers(file: &Hdf5, prefix: &str, top: &Folder) -> Result<Vec<StoredLayer>, String> {
    let mut layers = Vec::new();
    let mut seen = HashSet::new();
    for layer in top.strings("layer_names")? {
        if !seen.insert(layer.clone()) {
            return Err(format!("names the layer `{layer}` twice"));
        }
        let path = format!("{prefix}{layer}");
        let folder = file.folder(&path)?.ok_or_else(|| format!("lacks the group of the layer `{layer}`"))?;
        let mut groups: Vec<(String, StoredLayer)> = Vec::new();
        for weight in folder.strings("weight_names").map_err(|message| format!("`{path}`: {message}"))? {
            let name = format!("{path}/{weight}");
            let tensor = file.tensor(&name)?.ok_or_else(|| format!("lacks the tensor `{name}`"))?;
            let (scope, parameter) = weight.rsplit_once('/').unwrap_or(("", &weight));
            let place = groups.iter().position(|(known, _)| known == scope).unwrap_or_else(|| {
                groups.push((scope.to_string(), StoredLayer::default()));
                groups.len() - 1
            });
            groups[place].1.tensors.push((parameter.to_string(), tensor));
        }
        // One scope is the layer's own, whatever it is called (Keras 1 and 2 numbered scopes anew); several are layers
        // of a nested network.
        let nested = groups.len() > 1;
        for (scope, mut stored) in groups {
            let inner = scope.strip_prefix(&layer).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&scope);
            let inside = format!("{layer}/{inner}");
            (stored.path, stored.alias) =
                if nested { (Some(inside), None) } else { (Some(layer.clone()), Some(inside)) };
            layers.push(stored);
        }
    }
    Ok(layers)
}
