//! Keras 3's layout of weights: groups named by class and counter, tensors numbered.
//!
//! `layers/conv2d_1/vars/0` is the first tensor of the second Conv2D. Layers of a nested network stand below it:
//! `layers/sequential/layers/dense/vars/0`. Since Keras 3.9 or so an attribute of `vars` tells the layer's name as well.

use crate::hdf5::Hdf5;
use crate::stored::StoredLayer;

/// The deepest nesting of networks.
const DEEPEST: usize = 16;

/// The most layers of a file.
const MOST_LAYERS: usize = 10_000;

/// The most tensors of a layer.
const MOST_TENSORS: usize = 1_000;

/// The layers of the file; those of the optimiser are left out.
pub(super) fn layers(file: &Hdf5) -> Result<Vec<StoredLayer>, String> {
    let mut layers = Vec::new();
    walk(file, "layers", "", Some(""), 0, &mut layers)?;
    // By class, then by counter: the order of the file's own tables depends on hashes.
    layers.sort_by_cached_key(|layer| {
        let key = layer.key.clone().unwrap_or_default();
        let (class, counter) = match key.rsplit_once('_') {
            Some((class, counter)) if counter.bytes().all(|byte| byte.is_ascii_digit()) => {
                (class.to_string(), counter.parse().unwrap_or(usize::MAX))
            }
            _ => (key, 0),
        };
        (class, counter)
    });
    Ok(layers)
}

/// Adds the layers below the group `at`. `key` and `path` are those of the network around them, with a slash behind.
fn walk(
    file: &Hdf5,
    at: &str,
    key: &str,
    path: Option<&str>,
    depth: usize,
    layers: &mut Vec<StoredLayer>,
) -> Result<(), String> {
    let Some(folder) = file.folder(at)? else { return Ok(()) };
    if depth > DEEPEST {
        return Err(format!("nests networks more than {DEEPEST} deep"));
    }
    for name in folder.folders()? {
        let group = format!("{at}/{name}");
        let mut stored = StoredLayer { key: Some(format!("{key}{name}")), ..StoredLayer::default() };
        if let Some(vars) = file.folder(&format!("{group}/vars"))? {
            let title = vars.strings("name")?.into_iter().next();
            stored.path = path.zip(title).map(|(path, title)| format!("{path}{title}"));
            for place in 0.. {
                let Some(tensor) = file.tensor(&format!("{group}/vars/{place}"))? else { break };
                if place == MOST_TENSORS {
                    return Err(format!("`{group}` holds more than {MOST_TENSORS} tensors"));
                }
                stored.tensors.push((place.to_string(), tensor));
            }
        }
        let inner_path = stored.path.as_ref().map(|path| format!("{path}/"));
        layers.push(stored);
        if layers.len() > MOST_LAYERS {
            return Err(format!("holds more than {MOST_LAYERS} layers"));
        }
        let inner_key = format!("{key}{name}/");
        walk(file, &format!("{group}/layers"), &inner_key, inner_path.as_deref(), depth + 1, layers)?;
    }
    Ok(())
}
