//! Functional models: how Keras says which layer reads which.

use super::config::{Picture, Read, Reader, input_shape, name_of};
use convnet_layers::{Architecture, INPUT, NamedLayer};
use serde_json::Value as Json;
use std::collections::HashMap;

/// Where the output of one of Keras' layers is found here.
type Sources = HashMap<String, String>;

/// The network of a functional model's `config`.
pub(super) fn read(
    reader: &mut Reader,
    config: &Json,
    layers: &[Json],
    path: &str,
    depth: usize,
) -> (Architecture, Option<Picture>) {
    let title = path.trim_end_matches('/');
    let mut architecture = Architecture::new();
    let mut sources = Sources::new();
    let (mut input, mut inputs) = (None, 0);
    // The output of the last part, where the next reads from unless it says otherwise.
    let mut last = INPUT.to_string();
    for layer in layers {
        let name = name_of(layer);
        let layer_path = format!("{path}{name}");
        let mut refuse = |why: String| reader.problems.push(format!("`{layer_path}`: {why}"));
        let (from, in_training) = match calls(layer) {
            Ok(call) => call,
            Err(why) => {
                refuse(why);
                continue;
            }
        };
        if sources.contains_key(&name) {
            refuse("another layer has the same name".into());
            continue;
        }
        // A layer that was refused is known by its own name, so that nothing else is said of those behind it.
        let found: Vec<_> = from.iter().filter_map(|name| sources.get(name).cloned()).collect();
        if found.len() < from.len() {
            refuse(format!("reads {from:?}, of which not all stand before it"));
        }
        let source = match reader.layer(layer, &layer_path, depth) {
            Read::Input => {
                input = input.or_else(|| input_shape(layer));
                inputs += 1;
                INPUT.to_string()
            }
            Read::Identity => found.into_iter().next().unwrap_or_default(),
            Read::Refused => {
                last.clone_from(&name);
                name.clone()
            }
            // Keras calls random augmentation so by default; that is an identity here in any case.
            Read::Part(_) if in_training => {
                let why = "is always called as in training, which is not supported";
                reader.problems.push(format!("`{layer_path}`: {why}"));
                last.clone_from(&name);
                name.clone()
            }
            Read::Part(part) => {
                let chained = found.len() == 1 && found[0] == last;
                let inputs = (!chained).then_some(found);
                architecture = architecture.part(NamedLayer { name: name.clone(), part, inputs });
                last.clone_from(&name);
                name.clone()
            }
        };
        sources.insert(name, source);
    }
    if inputs != 1 {
        reader.problems.push(format!("`{title}`: {inputs} inputs; networks with one are supported"));
    }
    let mut outputs = Vec::new();
    end_points(&config["output_layers"], &mut outputs);
    match outputs.as_slice() {
        [output] if sources.get(output) == Some(&last) => {}
        [_] => reader.problems.push(format!("`{title}`: its output is not that of its last layer")),
        _ => reader
            .problems
            .push(format!("`{title}`: {} outputs; networks with one are supported", outputs.len())),
    }
    (architecture, input)
}

/// The layers that are named in `[["name", 0, 0]]` (Keras 2) or `["name", 0, 0]` (Keras 3).
fn end_points(json: &Json, names: &mut Vec<String>) {
    match json.as_array().map(Vec::as_slice) {
        Some([Json::String(name), Json::Number(_), Json::Number(_)]) => names.push(name.clone()),
        Some(points) => {
            for point in points {
                if let Some([Json::String(name), ..]) = point.as_array().map(Vec::as_slice) {
                    names.push(name.clone());
                }
            }
        }
        None => {}
    }
}

/// The names of the layers that a layer reads, in order, and whether it is always called as in training. No names for
/// an input.
fn calls(layer: &Json) -> Result<(Vec<String>, bool), String> {
    let nodes = layer["inbound_nodes"].as_array().map_or(&[][..], Vec::as_slice);
    let node = match nodes {
        [] => return Ok((Vec::new(), false)),
        [node] => node,
        _ => {
            return Err(format!(
                "is used {} times; layers that share weights are not supported",
                nodes.len()
            ));
        }
    };
    let mut from = Vec::new();
    let mut kwargs = Vec::new();
    match node {
        // Indexed as JSON, which gives null for what is missing.
        Json::Object(_) => {
            tensors(&node["args"], 0, &mut from)?;
            kwargs.push(&node["kwargs"]);
        }
        // Keras 2: one `[name, node, tensor, kwargs]`, or a list of them.
        Json::Array(entries) => {
            let one = entries.first().is_some_and(Json::is_string);
            let entries = if one { std::slice::from_ref(node) } else { entries.as_slice() };
            for entry in entries {
                from.push(history(entry)?);
                kwargs.push(&entry[3]);
            }
        }
        _ => return Err("does not say what it reads".into()),
    }
    let in_training = kwargs.iter().any(|kwargs| kwargs["training"] == Json::Bool(true));
    Ok((from, in_training))
}

/// Keras 3: tensors stand among the arguments of the call, alone or in lists.
fn tensors(json: &Json, depth: usize, from: &mut Vec<String>) -> Result<(), String> {
    match json {
        Json::Array(list) if depth < 4 => list.iter().try_for_each(|json| tensors(json, depth + 1, from)),
        Json::Object(object) if object.get("class_name").is_some_and(|class| class == "__keras_tensor__") => {
            from.push(history(&json["config"]["keras_history"])?);
            Ok(())
        }
        Json::Null => Ok(()),
        _ => Err("is called with something else than the outputs of layers".into()),
    }
}

/// `[name, node, tensor, …]`: the first output of the layer `name`.
fn history(json: &Json) -> Result<String, String> {
    match json.as_array().map(Vec::as_slice) {
        Some([Json::String(name), _, tensor, ..]) if tensor.as_u64() == Some(0) => Ok(name.clone()),
        _ => Err("does not say what it reads, or reads a second output".into()),
    }
}
