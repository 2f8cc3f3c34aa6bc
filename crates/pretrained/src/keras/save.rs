//! Writing Keras' files: `.h5` (legacy, whole model), `.weights.h5` and `.keras`, as Keras 3 opens them.

use super::described::{Kind, Network};
use crate::hdf5::NewFolder;
use convnet_layers::{Model, Role, snake_case};
use serde_json::json;
use std::collections::HashMap;
use std::io::{Seek, Write};
use zip::write::SimpleFileOptions;

/// The version whose layouts are written.
const VERSION: &str = "3.15.1";

/// The most bytes of a list of names in one attribute; an HDF5 header holds 64 KiB.
const LONGEST_LIST: usize = 60_000;

/// A model in Keras' words.
pub(crate) struct Keras<'a> {
    model: &'a Model,
    network: Network,
}

impl<'a> Keras<'a> {
    /// A model, or all that Keras does not have.
    pub(crate) fn new(model: &'a Model) -> Result<Keras<'a>, Vec<String>> {
        Ok(Keras { model, network: Network::of(model)? })
    }

    /// The legacy layout with the network's description: `.h5`.
    pub(crate) fn write_legacy(&self, to: &mut dyn Write) -> std::io::Result<()> {
        let mut root = NewFolder::default();
        root.text("keras_version", VERSION);
        root.text("backend", "tensorflow");
        root.text("model_config", &self.network.json().to_string());
        let top = root.folder("model_weights");
        top.text("keras_version", VERSION);
        top.text("backend", "tensorflow");
        names(top, "layer_names", self.network.layers.iter().map(|layer| layer.name.clone()).collect());
        for layer in &self.network.layers {
            let folder = top.folder(&layer.name);
            let mut places = match &layer.kind {
                Kind::Layer { .. } => layer.parameters.clone(),
                Kind::Network(inner) => inner.parameters(),
            };
            let learned = |&place: &usize| {
                let parameter = &self.model.parameters()[place];
                parameter.trainable && parameter.role == Role::Weight
            };
            // What learns stands first.
            places.sort_by_key(|place| !learned(place));
            let paths: Vec<_> =
                places.iter().map(|&place| self.model.parameters()[place].path.clone()).collect();
            for (&place, path) in places.iter().zip(&paths) {
                folder.tensor(path, &self.model.parameters()[place].value);
            }
            names(folder, "weight_names", paths);
        }
        root.write(to)
    }

    /// Keras 3's layout of weights alone: `.weights.h5`.
    pub(crate) fn write_weights(&self, to: &mut dyn Write) -> std::io::Result<()> {
        let mut root = NewFolder::default();
        self.variables(&self.network, root.folder("layers"));
        root.write(to)
    }

    fn variables<'f>(&'f self, network: &Network, to: &mut NewFolder<'f>) {
        let mut counters: HashMap<String, usize> = HashMap::new();
        for layer in &network.layers {
            let class = snake_case(match &layer.kind {
                Kind::Layer { class, .. } => class,
                Kind::Network(inner) => inner.class(),
            });
            let counter = counters.entry(class.clone()).or_default();
            let folder = to.folder(&if *counter == 0 { class } else { format!("{class}_{counter}") });
            *counter += 1;
            let vars = folder.folder("vars");
            vars.text("name", &layer.name);
            for (place, &parameter) in layer.parameters.iter().enumerate() {
                vars.tensor(&place.to_string(), &self.model.parameters()[parameter].value);
            }
            if let Kind::Network(inner) = &layer.kind {
                self.variables(inner, folder.folder("layers"));
            }
        }
    }

    /// The archive of network and weights: `.keras`.
    pub(crate) fn write_archive(&self, to: impl Write + Seek) -> std::io::Result<()> {
        let mut archive = zip::ZipWriter::new(to);
        // Stored, so that readers find the weights in their place; without a date, so that the same model is the same
        // file.
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let metadata = json!({ "keras_version": VERSION }).to_string();
        for (name, text) in [("metadata.json", metadata), ("config.json", self.network.json().to_string())] {
            archive.start_file(name, options)?;
            archive.write_all(text.as_bytes())?;
        }
        archive.start_file("model.weights.h5", options.large_file(true))?;
        self.write_weights(&mut archive)?;
        archive.finish()?;
        Ok(())
    }
}

/// A list of names, split as Keras does where it is long.
fn names(folder: &mut NewFolder<'_>, attribute: &str, names: Vec<String>) {
    let longest = names.iter().map(String::len).max().unwrap_or(0).max(1);
    let at_once = (LONGEST_LIST / longest).max(1);
    if names.len() <= at_once {
        folder.texts(attribute, names);
        return;
    }
    for (part, some) in names.chunks(at_once).enumerate() {
        folder.texts(&format!("{attribute}{part}"), some.to_vec());
    }
}
