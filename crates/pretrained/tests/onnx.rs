//! ONNX graphs (`goldens/onnx_graphs.py`, and PyTorch's own export by `goldens/formats.py`): each layer gives what
//! onnxruntime gives.

mod common;

use common::{close, foreign, golden_of};
use convnet_autograd::Tape;
use convnet_layers::{InputSpec, Model, Request, Tap};
use convnet_pretrained::{Error, Format, WeightFile};
use convnet_tensor::Tensor;

fn golden(name: &str) -> Tensor {
    golden_of("onnx.safetensors", name)
}

/// A whole model from its file, for pictures of the shape that the file tells.
fn model(name: &str) -> Model {
    let mut file = WeightFile::open(foreign(name)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(file.format(), Format::Onnx);
    let picture = file.picture().map(|extent| extent.unwrap());
    file.model(InputSpec::new(picture)).unwrap_or_else(|error| panic!("{error}"))
}

fn computes(name: &str, layers: &[&str]) {
    let model = model(&format!("{name}.onnx"));
    let x = golden(&format!("{name}/x"));
    let request = Request::taps(layers.iter().copied().map(Tap::output));
    let outputs = model.run(&mut Tape::new(), &x, &request).unwrap_or_else(|error| panic!("{name}: {error}"));
    for (layer, tap) in layers.iter().zip(&outputs.taps) {
        close(tap.tensor(), &golden(&format!("{name}/{layer}")), 1e-5);
    }
    close(&model.predict(&x).unwrap(), &golden(&format!("{name}/y")), 1e-5);
}

#[test]
fn every_operation_computes_what_onnxruntime_computes() {
    let layers = [
        "lower",
        "clipped",
        "largest",
        "mean_counted_1",
        "narrow",
        "mean_bare",
        "biased",
        "left",
        "right",
        "joined",
        "channels",
        "scores",
    ];
    computes("operations", &layers);
}

#[test]
fn rows_keep_their_order_however_a_picture_was_flattened() {
    computes("rows", &["by_channel", "by_pixel", "late", "ab"]);
}

#[test]
fn graphs_with_channels_last_around_them() {
    computes("channels_last", &["model.conv.Conv2D", "relu", "model.dense"]);
}

#[test]
fn groups_and_ways_side_by_side() {
    computes("branches", &["wide", "both", "right", "rows"]);
}

#[test]
fn graphs_of_old_versions() {
    computes("old", &["conv", "norm", "clipped", "dense"]);
}

#[test]
fn everything_unsupported_is_listed() {
    let mut file = WeightFile::open(foreign("unsupported.onnx")).unwrap();
    let Err(Error::Unsupported { all, .. }) = file.model(InputSpec::new([8, 8, 4])) else {
        panic!("not refused")
    };
    for part in [
        "`below` (Concat): joins along axis 2",
        "`leaky` (LeakyRelu)",
        "`gaps` (MaxPool)",
        "`shifted` (Clip)",
        "`resized` (Resize)",
        "`mirrored` (Pad)",
        "`flat` (Flatten)",
        "`scaled` (Gemm): `alpha`",
    ] {
        assert!(all.iter().any(|line| line.contains(part)), "{part} in {all:?}");
    }
    assert_eq!(all.len(), 8, "{all:?}");
}

#[test]
fn other_files_are_never_opened() {
    let mut file = WeightFile::open(foreign("elsewhere.onnx")).unwrap();
    let error = file.model(InputSpec::new([8, 8, 3])).unwrap_err().to_string();
    assert!(error.contains("`conv.weight` stands in another file, which is never opened"), "{error}");
}

#[test]
fn pictures_of_another_size_are_refused() {
    let mut file = WeightFile::open(foreign("rows.onnx")).unwrap();
    let error = file.model(InputSpec::new([7, 5, 2])).unwrap_err().to_string();
    assert!(error.contains("6×5×2"), "{error}");
}

/// PyTorch's export of the network of `goldens/formats.py`, by either of its exporters.
#[test]
fn pytorchs_own_exports_compute_what_pytorch_computes() {
    for name in ["torch.onnx", "torch_old.onnx"] {
        let model = model(name);
        let golden = |name: &str| golden_of("formats.safetensors", name);
        close(&model.predict(&golden("x")).unwrap(), &golden("y"), 1e-5);
    }
}
