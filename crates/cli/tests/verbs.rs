//! The command as a user meets it.

use convnet_layers::{Architecture, Conv2D, Dense, Flatten, InputSpec, MaxPooling2D, Model};
use convnet_pretrained::npy;
use convnet_tensor::{Seed, Tensor};
use std::path::Path;
use std::process::Command;

/// Exit code, standard output, standard error.
fn convnet(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_convnet"));
    command.args(arguments).current_dir(folder).env("CONVNET_CACHE", folder).env_remove("CONVNET_DATA_DIR");
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn model(folder: &Path) -> Model {
    let network = Architecture::new()
        .named("conv", Conv2D::new(4, 3).same().relu())
        .named("pool", MaxPooling2D::new(2))
        .named("flatten", Flatten::new())
        .named("dense", Dense::new(2).softmax());
    let model = Model::new(network, InputSpec::new([6, 8, 3]).classes(["cat", "dog"]), Seed(1)).unwrap();
    model.save(folder.join("model.safetensors")).unwrap();
    model
}

#[test]
fn a_model_is_shown_converted_and_run_in_the_layout_of_its_format() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let model = model(folder);
    let (code, shown, error) = convnet(folder, &["summary", "model.safetensors"]);
    assert_eq!(code, 0, "{error}");
    assert!(shown.contains("conv (Conv2D)") && shown.contains("Total params"), "{shown}");
    for name in ["model.onnx", "model.keras", "model.h5", "model.npz", "model.weights.h5"] {
        let (code, said, error) = convnet(folder, &["convert", "model.safetensors", name]);
        assert!(code == 0 && said.starts_with(name), "{said}{error}");
    }
    let x = Tensor::from_fn([2, 6, 8, 3], |place| (place * 37 % 101) as f32 / 101.0);
    let first = Tensor::from_fn([2, 3, 6, 8], |place| {
        let (w, h, c, n) = (place % 8, place / 8 % 6, place / 48 % 3, place / 144);
        x.data()[((n * 6 + h) * 8 + w) * 3 + c]
    });
    npy::write(folder.join("last.npy"), &x).unwrap();
    npy::write(folder.join("first.npy"), &first).unwrap();
    let expected = model.predict(&x).unwrap();
    for (file, input) in [
        ("model.safetensors", "last.npy"),
        ("model.keras", "last.npy"),
        ("model.h5", "last.npy"),
        ("model.onnx", "first.npy"),
    ] {
        let (code, said, error) = convnet(folder, &["run", file, "--input", input, "--output", "y.npy"]);
        assert!(code == 0 && said.contains("y.npy: (2, 2)"), "{file}: {said}{error}");
        let found = npy::read(folder.join("y.npy")).unwrap();
        let off = found.data().iter().zip(expected.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-6, "{file} is off by {off}");
        // A layer's maps, and the row that they become, in the file's own order.
        let ask = |layer: &str, out: &str| {
            let arguments = ["run", file, "--input", input, "--output", out, "--layer", layer];
            let (code, _, error) = convnet(folder, &arguments);
            assert_eq!(code, 0, "{error}");
            npy::read(folder.join(out)).unwrap()
        };
        let layers: Vec<_> = if file == "model.onnx" {
            let shown = convnet(folder, &["summary", file]).1;
            let path = |class: &str| {
                let line = shown.lines().find(|line| line.contains(&format!("({class})"))).unwrap();
                line.trim_start_matches('│').trim().split(' ').next().unwrap().to_string()
            };
            vec![path("MaxPooling2D"), path("Flatten")]
        } else {
            vec!["pool".into(), "flatten".into()]
        };
        let (maps, row) = (ask(&layers[0], "maps.npy"), ask(&layers[1], "row.npy"));
        let shape = if file == "model.onnx" { [2, 4, 3, 4] } else { [2, 3, 4, 4] };
        assert_eq!(maps.shape()[..], shape, "{file}");
        assert_eq!(maps.data(), row.data(), "{file}");
    }
}

#[test]
fn a_picture_is_prepared_as_the_model_says_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    model(folder);
    image::RgbImage::from_fn(20, 10, |x, y| image::Rgb([(x * 12) as u8, (y * 25) as u8, 90]))
        .save(folder.join("a.png"))
        .unwrap();
    let (code, said, error) = convnet(folder, &["predict", "model.safetensors", "a.png", "a.png"]);
    assert_eq!(code, 0, "{error}");
    let lines: Vec<_> = said.lines().collect();
    assert!(lines.len() == 2 && lines[0] == lines[1], "{said}");
    assert!(
        lines[0].starts_with("a.png: ") && lines[0].contains("cat 0.") && lines[0].contains("dog 0."),
        "{said}"
    );
    let (code, _, error) = convnet(folder, &["predict", "model.safetensors", "model.safetensors"]);
    assert!(code == 2 && error.contains("model.safetensors"), "{error}");
}

#[test]
fn what_is_wrong_is_said_with_the_right_code() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    model(folder);
    for (arguments, expected) in [
        (&["summary", "vgg61"][..], "neither a model file nor a name of the zoo"),
        (&["summary", "mobilenet"], "cargo xtask download mobilenet"),
        (&["convert", "model.safetensors", "model.pth"], "names no format"),
        (&["run", "model.safetensors", "--input", "none.npy", "--output", "y.npy"], "none.npy"),
        (&["frobnicate"], "unrecognized subcommand"),
    ] {
        let (code, _, error) = convnet(folder, arguments);
        assert!(code == 2 && error.contains(expected), "{arguments:?}: {code} {error}");
    }
    let (code, _, error) = convnet(folder, &["convert", "model.safetensors", "none/model.onnx"]);
    assert!(code == 1 && error.contains("none/model.onnx"), "{code} {error}");
    // Weights alone are shown and turned into named tensors.
    assert_eq!(convnet(folder, &["convert", "model.safetensors", "w.npz"]).0, 0);
    let (code, shown, error) = convnet(folder, &["summary", "w.npz"]);
    assert!(code == 0 && shown.contains("dense/kernel"), "{shown}{error}");
    let (code, said, error) = convnet(folder, &["convert", "w.npz", "w.safetensors"]);
    assert!(code == 0 && said.contains("no network"), "{said}{error}");
}
