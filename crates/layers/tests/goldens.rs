//! Every layer and the digits network against Keras; see `goldens/README.md`.

use convnet_autograd::{Tape, Value};
use convnet_layers::*;
use convnet_tensor::{Result, Seed, Shape, Tensor};
use safetensors::SafeTensors;
use serde_json::Value as Json;

/// The goldens of a file: tensors by name, and cases as JSON.
struct Goldens {
    bytes: Vec<u8>,
    cases: Json,
}

impl Goldens {
    fn open(name: &str) -> Goldens {
        let path = format!("{}/../../goldens/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let cases = serde_json::from_str(&header.metadata().as_ref().unwrap()["cases"]).unwrap();
        Goldens { bytes, cases }
    }

    fn tensor(&self, name: &str) -> Option<Tensor> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let shape = Shape::from(tensors.tensor(name).ok()?.shape());
        Some(convnet_layers::file::read_tensor(&tensors, name, shape).unwrap())
    }
}

fn close(what: &str, found: &Tensor, expected: &Tensor, tolerance: f32) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let scale = expected.data().iter().fold(1e-12f32, |scale, x| scale.max(x.abs()));
    for (position, (a, b)) in found.data().iter().zip(expected.data()).enumerate() {
        assert!(
            (a - b).abs() <= tolerance * scale,
            "{what} at {position}: {a} instead of {b} (scale {scale})"
        );
    }
}

fn pair(config: &Json, name: &str) -> Pair {
    serde_json::from_value(config[name].clone()).unwrap()
}

fn padding(config: &Json) -> Padding {
    serde_json::from_value(config["padding"].clone()).unwrap()
}

fn activation(config: &Json) -> ActivationKind {
    serde_json::from_value(config["activation"].clone()).unwrap()
}

/// Runs a layer with the golden's inputs and weights; returns the output, all gradients, and the gathered statistics.
fn run<L: Layer>(
    layer: &L,
    training: bool,
    inputs: &[Tensor],
    weights: &[Tensor],
    dy: &Tensor,
) -> Result<(Tensor, Vec<Option<Tensor>>)> {
    let mut tape = Tape::new();
    let mut values = Vec::new();
    for (key, tensor) in inputs.iter().chain(weights).enumerate() {
        values.push(tape.watch(&Value::constant(tensor.clone()), key)?);
    }
    let weights = values.split_off(inputs.len());
    let y = layer.forward(&mut Pass::alone(&mut tape, training, Seed(0), &[]), &values, &weights)?;
    let mut gradients = vec![None; inputs.len() + weights.len()];
    tape.backward(&[(&y, dy.clone())], |key, gradient| {
        gradients[key] = Some(gradient);
        Ok(())
    })?;
    Ok((y.into_tensor(), gradients))
}

#[test]
fn every_layer_agrees_with_keras() {
    let goldens = Goldens::open("layers");
    let mut kinds = std::collections::BTreeSet::new();
    for (name, case) in goldens.cases.as_object().unwrap() {
        let (class, config) = (case["class"].as_str().unwrap(), &case["config"]);
        let get = |tensor: &str| goldens.tensor(&format!("{name}/{tensor}"));
        let dy = get("dy").unwrap();
        let inputs: Vec<_> = match class {
            "Add" => vec![get("x0").unwrap(), get("x1").unwrap()],
            "Concatenate" => ["x0", "x1", "x2"].map(|x| get(x).unwrap()).into(),
            _ => vec![get("x").unwrap()],
        };
        let names = [
            "kernel",
            "depthwise_kernel",
            "pointwise_kernel",
            "bias",
            "gamma",
            "beta",
            "moving_mean",
            "moving_variance",
        ];
        let (weight_names, weights): (Vec<_>, Vec<_>) =
            names.iter().filter_map(|n| Some((*n, get(n)?))).unzip();
        let training = config["training"].as_bool().unwrap_or(false);
        // A frozen layer predicts even when it is called in training.
        let training = training && config["trainable"].as_bool().unwrap_or(true);
        let (y, gradients) = match class {
            "Conv2D" => {
                let mut layer =
                    Conv2D::new(config["filters"].as_u64().unwrap() as usize, pair(config, "kernel_size"))
                        .strides(pair(config, "strides"))
                        .padding(padding(config))
                        .dilation(pair(config, "dilation_rate"))
                        .activation(activation(config));
                layer.use_bias = config["use_bias"].as_bool().unwrap();
                layer.groups = config["groups"].as_u64().unwrap() as usize;
                let shape = Layer::output_shape(&layer, &[inputs[0].shape().without_first()]).unwrap();
                assert_eq!(shape, dy.shape().without_first(), "{name}");
                run(&layer, false, &inputs, &weights, &dy)
            }
            "SeparableConv2D" => {
                let number = |name: &str| config[name].as_u64().unwrap() as usize;
                let mut layer = SeparableConv2D::new(number("filters"), pair(config, "kernel_size"))
                    .strides(pair(config, "strides"))
                    .padding(padding(config))
                    .dilation(pair(config, "dilation_rate"))
                    .depth_multiplier(number("depth_multiplier"))
                    .activation(activation(config));
                layer.use_bias = config["use_bias"].as_bool().unwrap();
                run(&layer, false, &inputs, &weights, &dy)
            }
            "DepthwiseConv2D" => {
                let mut layer = DepthwiseConv2D::new(pair(config, "kernel_size"))
                    .strides(pair(config, "strides"))
                    .padding(padding(config))
                    .dilation(pair(config, "dilation_rate"))
                    .depth_multiplier(config["depth_multiplier"].as_u64().unwrap() as usize)
                    .activation(activation(config));
                layer.use_bias = config["use_bias"].as_bool().unwrap();
                let shape = Layer::output_shape(&layer, &[inputs[0].shape().without_first()]).unwrap();
                assert_eq!(shape, dy.shape().without_first(), "{name}");
                run(&layer, false, &inputs, &weights, &dy)
            }
            "ZeroPadding2D" => {
                let layer = serde_json::from_value::<ZeroPadding2D>(config.clone()).unwrap();
                run(&layer, false, &inputs, &weights, &dy)
            }
            "Dense" => {
                let mut layer =
                    Dense::new(config["units"].as_u64().unwrap() as usize).activation(activation(config));
                layer.use_bias = config["use_bias"].as_bool().unwrap();
                run(&layer, false, &inputs, &weights, &dy)
            }
            "MaxPooling2D" => {
                let mut layer = MaxPooling2D::new(pair(config, "pool_size")).strides(pair(config, "strides"));
                layer.padding = padding(config);
                run(&layer, false, &inputs, &weights, &dy)
            }
            "AveragePooling2D" => {
                let mut layer =
                    AveragePooling2D::new(pair(config, "pool_size")).strides(pair(config, "strides"));
                layer.padding = padding(config);
                run(&layer, false, &inputs, &weights, &dy)
            }
            "GlobalAveragePooling2D" => {
                let layer = GlobalAveragePooling2D::new();
                let keepdims = config["keepdims"].as_bool().unwrap();
                let layer = if keepdims { layer.keepdims() } else { layer };
                run(&layer, false, &inputs, &weights, &dy)
            }
            "GlobalMaxPooling2D" => {
                let keepdims = config["keepdims"].as_bool().unwrap();
                run(&GlobalMaxPooling2D { keepdims }, false, &inputs, &weights, &dy)
            }
            "Reshape" => {
                let shape: Vec<i64> = serde_json::from_value(config["target_shape"].clone()).unwrap();
                run(&Reshape::new(shape), false, &inputs, &weights, &dy)
            }
            // In training it is random: `dropout_keeps_its_share_and_is_the_same_in_every_batch` looks at that.
            "Dropout" => {
                let rate = config["rate"].as_f64().unwrap() as f32;
                run(&Dropout::new(rate), false, &inputs, &weights, &dy)
            }
            "Flatten" => run(&Flatten::new(), false, &inputs, &weights, &dy),
            "BatchNormalization" => {
                let layer = BatchNormalization {
                    momentum: config["momentum"].as_f64().unwrap() as f32,
                    epsilon: config["epsilon"].as_f64().unwrap() as f32,
                    center: config["center"].as_bool().unwrap(),
                    scale: config["scale"].as_bool().unwrap(),
                };
                run(&layer, training, &inputs, &weights, &dy)
            }
            "ReLU" => {
                let layer = ReLU { max_value: config["max_value"].as_f64().map(|maximum| maximum as f32) };
                run(&layer, false, &inputs, &weights, &dy)
            }
            "Softmax" => run(&Softmax::new(), false, &inputs, &weights, &dy),
            "Activation" => run(&Activation::new(activation(config)), false, &inputs, &weights, &dy),
            "Rescaling" => {
                let number = |name: &str| config[name].as_f64().unwrap() as f32;
                let layer = Rescaling::new(number("scale")).offset(number("offset"));
                run(&layer, false, &inputs, &weights, &dy)
            }
            "Add" => run(&Add::new(), false, &inputs, &weights, &dy),
            "Concatenate" => run(&Concatenate::new(), false, &inputs, &weights, &dy),
            other => panic!("no layer for {other}"),
        }
        .unwrap_or_else(|error| panic!("{name}: {error}"));
        kinds.insert(class);

        close(&format!("{name}/y"), &y, &get("y").unwrap(), 4e-6);
        for (place, gradient) in gradients.iter().enumerate() {
            let golden = match place.checked_sub(inputs.len()) {
                Some(weight) => format!("d{}", weight_names[weight]),
                None if inputs.len() > 1 => format!("dx{place}"),
                None => "dx".to_string(),
            };
            if let Some(expected) = get(&golden) {
                let gradient = gradient.as_ref().unwrap_or_else(|| panic!("{name}: no {golden}"));
                close(&format!("{name}/{golden}"), gradient, &expected, 8e-6);
            }
        }
    }
    assert_eq!(kinds.len(), 19, "classes with goldens: {kinds:?}");
}

#[test]
fn batch_normalization_gathers_as_keras_does() {
    let goldens = Goldens::open("layers");
    let mut seen = 0;
    for (name, case) in goldens.cases.as_object().unwrap() {
        let config = &case["config"];
        if case["class"] != "BatchNormalization" {
            continue;
        }
        let get = |tensor: &str| goldens.tensor(&format!("{name}/{tensor}"));
        let x = get("x").unwrap();
        let layer = BatchNormalization {
            momentum: config["momentum"].as_f64().unwrap() as f32,
            epsilon: config["epsilon"].as_f64().unwrap() as f32,
            center: config["center"].as_bool().unwrap(),
            scale: config["scale"].as_bool().unwrap(),
        };
        let picture = x.shape().without_first();
        // A model takes pictures; rows of numbers are pictures of one pixel.
        let [height, width, channels] = match *picture {
            [channels] => [1, 1, channels],
            ref shape => [shape[0], shape[1], shape[2]],
        };
        let input = InputSpec::new([height, width, channels]);
        let mut model = Model::new(Architecture::new().named("norm", layer), input, Seed(1)).unwrap();
        for parameter in model.parameters_mut() {
            let name = parameter.path.rsplit('/').next().unwrap().to_string();
            parameter.value = get(&name).unwrap();
        }
        if config["trainable"] == false {
            model.freeze("norm").unwrap();
        }
        let mut request = Request::train(Seed(1), &[], &[]);
        request.training = config["training"].as_bool().unwrap();
        let x = x.reshaped([x.len_first(), height, width, channels]).unwrap();
        let outputs = model.run(&mut Tape::new(), &x, &request).unwrap();
        close(
            &format!("{name}/y"),
            &outputs.logits.unwrap().into_tensor(),
            &get("y").unwrap().reshaped(x.shape()).unwrap(),
            4e-6,
        );
        model.apply_statistics(outputs.statistics);
        for statistic in ["moving_mean", "moving_variance"] {
            let found = &model.parameter(&format!("norm/{statistic}")).unwrap().value;
            close(&format!("{name}/{statistic}"), found, &get(&format!("{statistic}_after")).unwrap(), 4e-6);
        }
        seen += 1;
    }
    assert_eq!(seen, 6);
}

/// The digits network of the chapter.
fn digits() -> Architecture {
    Architecture::new()
        .add(Conv2D::new(32, 3).relu())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).relu())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).relu())
        .add(Flatten::new())
        .add(Dense::new(64).relu())
        .add(Dense::new(10).softmax())
}

#[test]
fn the_digits_network_agrees_with_keras_layer_by_layer() {
    let goldens = Goldens::open("model");
    let get = |name: &str| goldens.tensor(&format!("digits/{name}")).unwrap_or_else(|| panic!("no {name}"));
    let mut model = Model::new(digits(), InputSpec::new([28, 28, 1]), Seed(1)).unwrap();
    for parameter in model.parameters_mut() {
        parameter.value = get(&format!("start/{}", parameter.path));
    }
    let paths: Vec<_> = model.layers().map(|(path, _)| path.to_string()).collect();
    let request = Request::taps(paths.iter().map(Tap::output));
    let x = get("x");
    let outputs = model.run(&mut Tape::new(), &x, &request).unwrap();
    let mut compared = 0;
    for (path, tap) in paths.iter().zip(&outputs.taps) {
        let Some(expected) = goldens.tensor(&format!("digits/taps/{path}")) else { continue };
        let found = Tensor::from_slice([expected.size()], &tap.tensor().data()[..expected.size()]).unwrap();
        close(path, &found, &expected.reshaped([expected.size()]).unwrap(), 4e-6);
        compared += 1;
    }
    assert!(compared >= 7, "only {compared} layers have goldens");
    close("logits", outputs.logits.as_ref().unwrap().tensor(), &get("logits"), 4e-6);
    close("probabilities", &model.predict(&x).unwrap(), &get("probabilities"), 4e-6);
}
