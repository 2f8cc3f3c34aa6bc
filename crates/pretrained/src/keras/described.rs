//! A model in Keras' words: its layers with their settings, in Keras' order. From this both the description and the
//! weights of a file are written.

use super::order::order;
use crate::names::free;
use convnet_layers::layer::AnyLayer;
use convnet_layers::{
    Activation, ActivationKind, Add, Architecture, AveragePooling2D, BatchNormalization, Borders,
    Concatenate, Conv2D, Dense, DepthwiseConv2D, Dropout, Flatten, GlobalAveragePooling2D,
    GlobalMaxPooling2D, INPUT, MaxPooling2D, Model, Padding, Part, ReLU, Rescaling, Reshape, SeparableConv2D,
    Sigmoid, Softmax, ZeroPadding2D,
};
use convnet_tensor::Shape;
use serde_json::{Value as Json, json};
use std::collections::{HashMap, HashSet};

/// A network.
pub(super) struct Network {
    name: String,
    input: String,
    shape: Shape,
    /// Whether it is a plain chain: Keras' `Sequential`.
    is_chain: bool,
    /// In Keras' order.
    pub(super) layers: Vec<Layer>,
    output: String,
}

/// A layer, or a network in its place.
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The names of the layers that it reads, with the shapes of their outputs.
    inputs: Vec<(String, Shape)>,
    /// Places in the model's parameters.
    pub(super) parameters: Vec<usize>,
}

/// What stands in a layer's place.
pub(super) enum Kind {
    Layer { class: &'static str, config: Json },
    Network(Network),
}

impl Network {
    /// A model in Keras' words, or all that Keras does not have.
    pub(super) fn of(model: &Model) -> Result<Network, Vec<String>> {
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, parameter) in model.parameters().iter().enumerate() {
            let layer = parameter.path.rsplit_once('/').map_or("", |(layer, _)| layer);
            places.entry(layer).or_default().push(place);
        }
        let mut writer = Writer { model, places, problems: Vec::new() };
        let shape = Shape::from(model.input().shape);
        let (network, _) = writer.network("convnet", model.architecture(), "", shape);
        if writer.problems.is_empty() { Ok(network) } else { Err(writer.problems) }
    }

    /// The class under which Keras keeps it.
    pub(super) fn class(&self) -> &'static str {
        if self.is_chain { "Sequential" } else { "Functional" }
    }

    /// The places of all parameters, layer by layer.
    pub(super) fn parameters(&self) -> Vec<usize> {
        self.layers
            .iter()
            .flat_map(|layer| match &layer.kind {
                Kind::Layer { .. } => layer.parameters.clone(),
                Kind::Network(inner) => inner.parameters(),
            })
            .collect()
    }

    /// The description, as both `.h5` and `.keras` files hold it.
    pub(super) fn json(&self) -> Json {
        let object = |class: &str, module: &str, config: Json| json!({ "module": module, "class_name": class, "config": config, "registered_name": null });
        let batch =
            |shape: &Shape| [vec![Json::Null], shape.iter().map(|&extent| json!(extent)).collect()].concat();
        let input = json!({ "batch_shape": batch(&self.shape), "dtype": "float32", "name": self.input });
        let mut layers = vec![object("InputLayer", "keras.layers", input)];
        if !self.is_chain {
            layers[0]["name"] = json!(self.input);
            layers[0]["inbound_nodes"] = json!([]);
        }
        for layer in &self.layers {
            let mut entry = match &layer.kind {
                Kind::Layer { class, config } => object(class, "keras.layers", config.clone()),
                Kind::Network(inner) => inner.json(),
            };
            if !self.is_chain {
                let tensor = |(name, shape): &(String, Shape)| {
                    json!({ "class_name": "__keras_tensor__", "config":
                        { "shape": batch(shape), "dtype": "float32", "keras_history": [name, 0, 0] } })
                };
                let tensors: Vec<_> = layer.inputs.iter().map(tensor).collect();
                let several = matches!(&layer.kind, Kind::Layer { class: "Add" | "Concatenate", .. });
                let arguments = if several { json!([tensors]) } else { json!(tensors) };
                entry["name"] = json!(layer.name);
                entry["inbound_nodes"] = json!([{ "args": arguments, "kwargs": {} }]);
            }
            layers.push(entry);
        }
        let mut config = json!({ "name": self.name, "trainable": true, "layers": layers });
        if !self.is_chain {
            config["input_layers"] = json!([self.input, 0, 0]);
            config["output_layers"] = json!([self.output, 0, 0]);
        }
        let module = if self.is_chain { "keras" } else { "keras.src.models.functional" };
        object(self.class(), module, config)
    }
}

/// Gathers what Keras does not have.
struct Writer<'a> {
    model: &'a Model,
    places: HashMap<&'a str, Vec<usize>>,
    problems: Vec<String>,
}

impl Writer<'_> {
    /// A network that gets `shape`; also the shape of what it gives.
    fn network(
        &mut self,
        name: &str,
        architecture: &Architecture,
        prefix: &str,
        shape: Shape,
    ) -> (Network, Shape) {
        let mut taken: HashSet<String> = architecture.names().map(String::from).collect();
        let input = free(&mut taken, "input_layer");
        let mut flows: HashMap<&str, (String, Shape)> = HashMap::from([(INPUT, (input.clone(), shape))]);
        let mut last = (input.clone(), shape);
        let mut layers: Vec<Layer> = Vec::new();
        for part in architecture.parts() {
            let path = format!("{prefix}{}", part.name);
            // The model was built from it, so every name is there.
            let mut inputs: Vec<_> = match &part.inputs {
                None => vec![last.clone()],
                Some(names) => names.iter().filter_map(|name| flows.get(name.as_str()).cloned()).collect(),
            };
            let before = inputs.first().map_or(shape, |(_, shape)| *shape);
            let (kind, behind) = match &part.part {
                Part::Nested(inner) => {
                    let (inner, behind) = self.network(&part.name, inner, &format!("{path}/"), before);
                    (Kind::Network(inner), behind)
                }
                Part::Layer(layer) => {
                    let shapes: Vec<_> = inputs.iter().map(|(_, shape)| *shape).collect();
                    let behind = layer.output_shape(&shapes).unwrap_or(before);
                    match self.layer(&**layer, &part.name, &path, before) {
                        Ok((class, config, zeros)) => {
                            if let Some([top, bottom, left, right]) = zeros {
                                let name = free(&mut taken, &format!("{}_pad", part.name));
                                let padded = [before[0] + top + bottom, before[1] + left + right, before[2]];
                                let config =
                                    json!({ "name": name, "padding": [[top, bottom], [left, right]] });
                                let kind = Kind::Layer { class: "ZeroPadding2D", config };
                                let inputs_of =
                                    std::mem::replace(&mut inputs, vec![(name.clone(), padded.into())]);
                                layers.push(Layer { name, kind, inputs: inputs_of, parameters: Vec::new() });
                            }
                            (Kind::Layer { class, config }, behind)
                        }
                        Err(why) => {
                            self.problems.push(format!("`{path}` ({}): {why}", layer.class()));
                            (Kind::Layer { class: "", config: Json::Null }, behind)
                        }
                    }
                }
            };
            last = (part.name.clone(), behind);
            flows.insert(&part.name, last.clone());
            let parameters = self.places.get(path.as_str()).cloned().unwrap_or_default();
            layers.push(Layer { name: part.name.clone(), kind, inputs, parameters });
        }
        let is_chain = layers.iter().enumerate().all(|(place, layer)| {
            let before = place.checked_sub(1).map_or(&input, |before| &layers[before].name);
            matches!(&layer.inputs[..], [(name, _)] if name == before)
        });
        if !is_chain {
            layers = self.sorted(layers, prefix);
        }
        let (output, behind) = last;
        (Network { name: name.into(), input, shape, is_chain, layers, output }, behind)
    }

    /// The layers in Keras' order.
    fn sorted(&mut self, layers: Vec<Layer>, prefix: &str) -> Vec<Layer> {
        let places: HashMap<&str, usize> =
            layers.iter().enumerate().map(|(place, layer)| (&*layer.name, place)).collect();
        let reads = |layer: &Layer| {
            layer.inputs.iter().filter_map(|(name, _)| places.get(&**name).copied()).collect::<Vec<_>>()
        };
        let inputs: Vec<_> = layers.iter().map(reads).collect();
        let order = order(&inputs, layers.len() - 1);
        let mut layers: Vec<_> = layers.into_iter().map(Some).collect();
        let sorted = order.into_iter().filter_map(|place| layers[place].take()).collect();
        for layer in layers.into_iter().flatten() {
            self.problems
                .push(format!("`{prefix}{}`: nothing reads it, and Keras has no such layers", layer.name));
        }
        sorted
    }

    /// Keras' class and settings of a layer, and zeros to be put around its input.
    fn layer(
        &mut self,
        layer: &dyn AnyLayer,
        name: &str,
        path: &str,
        input: Shape,
    ) -> Result<(&'static str, Json, Option<[usize; 4]>), String> {
        let any = layer.as_any();
        let mut zeros = None;
        let mut padding = |padding: Padding| match padding {
            Padding::Valid => Ok("valid"),
            Padding::Same => Ok("same"),
            Padding::Explicit([0, 0, 0, 0]) => Ok("valid"),
            Padding::Explicit(pads)
                if matches!(layer.class(), "Conv2D" | "DepthwiseConv2D" | "SeparableConv2D") =>
            {
                zeros = Some(pads);
                Ok("valid")
            }
            // "same" is the one border that Keras' pooling knows.
            Padding::Explicit(pads) => {
                if is_same(layer, pads, input) {
                    Ok("same")
                } else {
                    Err(format!("Keras cannot pool with a border of {pads:?}"))
                }
            }
        };
        let (class, mut config) = if let Some(layer) = any.downcast_ref::<Conv2D>() {
            let config = json!({ "filters": layer.filters, "kernel_size": layer.kernel_size,
                "strides": layer.strides, "padding": padding(layer.padding)?,
                "dilation_rate": layer.dilation_rate, "groups": layer.groups,
                "activation": layer.activation, "use_bias": layer.use_bias });
            ("Conv2D", config)
        } else if let Some(layer) = any.downcast_ref::<SeparableConv2D>() {
            let config = json!({ "filters": layer.filters, "kernel_size": layer.kernel_size,
                "strides": layer.strides, "padding": padding(layer.padding)?,
                "dilation_rate": layer.dilation_rate, "depth_multiplier": layer.depth_multiplier,
                "activation": layer.activation, "use_bias": layer.use_bias });
            ("SeparableConv2D", config)
        } else if let Some(layer) = any.downcast_ref::<DepthwiseConv2D>() {
            let config = json!({ "kernel_size": layer.kernel_size, "strides": layer.strides,
                "padding": padding(layer.padding)?, "dilation_rate": layer.dilation_rate,
                "depth_multiplier": layer.depth_multiplier, "activation": layer.activation,
                "use_bias": layer.use_bias });
            ("DepthwiseConv2D", config)
        } else if let Some(layer) = any.downcast_ref::<Dense>() {
            let config =
                json!({ "units": layer.units, "activation": layer.activation, "use_bias": layer.use_bias });
            ("Dense", config)
        } else if let Some(layer) = any.downcast_ref::<BatchNormalization>() {
            let config = json!({ "axis": -1, "momentum": number(layer.momentum),
                "epsilon": number(layer.epsilon), "center": layer.center, "scale": layer.scale });
            ("BatchNormalization", config)
        } else if let Some(layer) = any.downcast_ref::<MaxPooling2D>() {
            let config = json!({ "pool_size": layer.pool_size, "strides": layer.strides,
                "padding": padding(layer.padding)? });
            ("MaxPooling2D", config)
        } else if let Some(layer) = any.downcast_ref::<AveragePooling2D>() {
            let config = json!({ "pool_size": layer.pool_size, "strides": layer.strides,
                "padding": padding(layer.padding)? });
            ("AveragePooling2D", config)
        } else if let Some(layer) = any.downcast_ref::<GlobalAveragePooling2D>() {
            ("GlobalAveragePooling2D", json!({ "keepdims": layer.keepdims }))
        } else if let Some(layer) = any.downcast_ref::<GlobalMaxPooling2D>() {
            ("GlobalMaxPooling2D", json!({ "keepdims": layer.keepdims }))
        } else if let Some(layer) = any.downcast_ref::<ZeroPadding2D>() {
            ("ZeroPadding2D", json!({ "padding": layer.padding }))
        } else if let Some(layer) = any.downcast_ref::<Reshape>() {
            ("Reshape", json!({ "target_shape": layer.target_shape }))
        } else if let Some(layer) = any.downcast_ref::<Dropout>() {
            ("Dropout", json!({ "rate": number(layer.rate) }))
        } else if let Some(layer) = any.downcast_ref::<Rescaling>() {
            ("Rescaling", json!({ "scale": number(layer.scale), "offset": number(layer.offset) }))
        } else if let Some(layer) = any.downcast_ref::<ReLU>() {
            ("ReLU", json!({ "max_value": layer.max_value.map(number) }))
        } else if let Some(layer) = any.downcast_ref::<Activation>() {
            ("Activation", json!({ "activation": layer.activation }))
        } else if any.is::<Sigmoid>() {
            ("Activation", json!({ "activation": ActivationKind::Sigmoid }))
        } else if any.is::<Softmax>() {
            ("Activation", json!({ "activation": ActivationKind::Softmax }))
        } else if any.is::<Flatten>() {
            ("Flatten", json!({}))
        } else if any.is::<Add>() {
            ("Add", json!({}))
        } else if any.is::<Concatenate>() {
            ("Concatenate", json!({ "axis": -1 }))
        } else {
            return Err("Keras has no such layer, or none that is known here".into());
        };
        config["name"] = json!(name);
        let frozen =
            |places: &Vec<usize>| places.iter().all(|&place| !self.model.parameters()[place].trainable);
        config["trainable"] = json!(!self.places.get(path).is_some_and(frozen));
        Ok((class, config, zeros))
    }
}

/// Whether a pooling with this border is the one that Keras calls "same".
fn is_same(layer: &dyn AnyLayer, pads: [usize; 4], input: Shape) -> bool {
    let (Some(window), [height, width, _]) = (layer.window(&[input]), &*input) else { return false };
    let Borders { top, bottom, left, right } = window.padded_same(*height, *width).padding;
    [top, bottom, left, right] == pads
}

/// The shortest decimal number that is this f32.
fn number(number: f32) -> Json {
    number.to_string().parse::<f64>().map_or(Json::Null, |number| json!(number))
}
