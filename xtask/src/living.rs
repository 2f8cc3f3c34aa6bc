//! The trained digits network, for the page that carries it.

use crate::chapter5;
use convnet_layers::{ActivationKind, Pair};
use convnet_layers::{Conv2D, Dense, Flatten, LayerClasses, MaxPooling2D, Model, NamedLayer, Padding, Part};
use convnet_report::{LayerKind, Network, NetworkActivation, NetworkLayer, Results, Status, inside};
use convnet_tensor::Shape;
use std::path::Path;

/// The network of experiment 5.1 from the run's folder; `None` where `results` do not say that it was trained, or the file is
/// not there or holds another network than the page can run.
pub(crate) fn network(results: &Results, out: &Path) -> Option<Network> {
    let id = chapter5::DIGITS;
    results.experiments.iter().find(|record| record.id == id && record.status == Status::Done)?;
    let path = inside(out, format!("models/{id}.safetensors"))?;
    of(&Model::load(path, &LayerClasses::builtin()).ok()?, id)
}

/// A model as the page runs it.
fn of(model: &Model, experiment: &str) -> Option<Network> {
    (model.input().shape == [Network::SIDE, Network::SIDE, 1]).then_some(())?;
    let shapes: Vec<Shape> = model.layers().map(|(_, shape)| shape).collect();
    let parts = model.architecture().parts();
    (parts.len() == shapes.len()).then_some(())?;
    let mut network = Network {
        experiment: experiment.into(),
        classes: model.input().classes.clone(),
        layers: Vec::new(),
        weights: Vec::new(),
    };
    for (part, shape) in parts.iter().zip(shapes) {
        let kind = kind(model, part)?;
        if matches!(kind, LayerKind::Conv2D { .. } | LayerKind::Dense { .. }) {
            for name in ["kernel", "bias"] {
                let parameter = model.parameter(&format!("{}/{name}", part.name)).ok()?;
                network.weights.extend_from_slice(parameter.value.data());
            }
        }
        network.layers.push(NetworkLayer { name: part.name.clone(), shape: shape.to_vec(), kind });
    }
    Some(network)
}

/// What a layer does; `None` for one that the page's script does not know.
fn kind(model: &Model, part: &NamedLayer) -> Option<LayerKind> {
    let Part::Layer(layer) = &part.part else { return None };
    part.inputs.is_none().then_some(())?;
    let kernel = || Some(model.parameter(&format!("{}/kernel", part.name)).ok()?.value.shape().to_vec());
    let layer = layer.as_any();
    if let Some(layer) = layer.downcast_ref::<Conv2D>() {
        let plain =
            layer.padding == Padding::Valid && layer.dilation_rate == Pair([1, 1]) && layer.groups == 1;
        let (strides, activation) = (layer.strides.0, activation(layer.activation)?);
        return plain.then_some(LayerKind::Conv2D {
            kernel: kernel()?.try_into().ok()?,
            strides,
            activation,
        });
    }
    if let Some(layer) = layer.downcast_ref::<MaxPooling2D>() {
        let (pool_size, strides) = (layer.pool_size.0, layer.strides.0);
        return (layer.padding == Padding::Valid).then_some(LayerKind::MaxPooling2D { pool_size, strides });
    }
    if let Some(layer) = layer.downcast_ref::<Dense>() {
        let activation = activation(layer.activation)?;
        return Some(LayerKind::Dense { kernel: kernel()?.try_into().ok()?, activation });
    }
    layer.is::<Flatten>().then_some(LayerKind::Flatten)
}

fn activation(kind: ActivationKind) -> Option<NetworkActivation> {
    match kind {
        ActivationKind::Linear => Some(NetworkActivation::Linear),
        ActivationKind::Relu => Some(NetworkActivation::Relu),
        ActivationKind::Softmax => Some(NetworkActivation::Softmax),
        ActivationKind::Sigmoid => None,
    }
}
