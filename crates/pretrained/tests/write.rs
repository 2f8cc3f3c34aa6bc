//! What is written is read back: the same network, the same bits, the same outputs.

mod common;

use common::{branches_model, close, foreign, golden_of, input, small_model, torch_model};
use convnet_layers::{Add, Architecture, Conv2D, Dense, Flatten, InputSpec, MaxPooling2D, Model, Padding};
use convnet_pretrained::{Error, Format, Loading, WeightFile, save, save_half, zoo};
use convnet_tensor::{Purpose, Seed, Tensor};
use std::path::Path;

const MODELS: [Format; 3] = [Format::KerasLegacy, Format::KerasArchive, Format::Onnx];
const WEIGHTS: [Format; 3] = [Format::KerasWeights, Format::Npz, Format::Safetensors];

fn pictures(model: &Model) -> Tensor {
    let [height, width, channels] = model.input().shape;
    let mut stream = Seed(9).stream(Purpose::Check, 0, 0);
    Tensor::from_fn([2, height, width, channels], |_| stream.between(-1.0, 1.0))
}

/// A residual network whose shortcut is listed before the long way: Keras keeps such layers in another order.
fn residual() -> Model {
    let inner = Architecture::new()
        .named("short", Conv2D::new(4, 1))
        .join("long", Conv2D::new(3, 3).same().relu(), &["input"])
        .named("longer", Conv2D::new(4, 3).padding(Padding::Explicit([2, 0, 1, 1])))
        .join("sum", Add::new(), &["short", "longer"]);
    let network = Architecture::new()
        .named("first", Conv2D::new(2, 3).strides(2).same())
        .nested("block", inner)
        .join("short", Conv2D::new(4, 1), &["first"])
        .join("sum", Add::new(), &["block", "short"])
        .named("pool", MaxPooling2D::new(2).same())
        .named("flat", Flatten::new())
        .named("dense", Dense::new(3).relu())
        .named("score", Dense::new(1).sigmoid());
    let mut model = Model::new(network, InputSpec::new([9, 7, 3]), Seed(2)).unwrap();
    model.freeze("block/long").unwrap();
    model
}

fn models() -> [(&'static str, Model); 4] {
    let (small, branches) = (small_model(), branches_model());
    [("small", small), ("torch", torch_model()), ("residual", residual()), ("branches", branches)]
}

#[test]
fn whole_models_come_back() {
    let folder = tempfile::tempdir().unwrap();
    for (name, model) in models() {
        for format in MODELS {
            let path = folder.path().join(name);
            save(&model, &path, format).unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut file =
                WeightFile::open(&path).unwrap_or_else(|error| panic!("{name}, {format}: {error}"));
            assert_eq!(file.format(), format);
            let [height, width, channels] = model.input().shape;
            assert_eq!(file.picture(), [Some(height), Some(width), Some(channels)], "{name}, {format}");
            let back =
                file.model(model.input().clone()).unwrap_or_else(|error| panic!("{name}, {format}: {error}"));
            // ONNX has no normalisation without a scale: ones stand in the file.
            if format != Format::Onnx {
                assert_eq!(back.parameters().len(), model.parameters().len(), "{name}, {format}");
            }
            let x = pictures(&model);
            close(&back.predict(&x).unwrap(), &model.predict(&x).unwrap(), 1e-6);
        }
    }
}

#[test]
fn weights_come_back_into_the_same_network() {
    let folder = tempfile::tempdir().unwrap();
    for (name, model) in models() {
        for format in WEIGHTS.into_iter().chain([Format::KerasLegacy]) {
            let path = folder.path().join(name);
            save(&model, &path, format).unwrap();
            let mut file = WeightFile::open(&path).unwrap();
            assert_eq!(file.format(), format);
            let mut back = Model::new(model.architecture().clone(), model.input().clone(), Seed(77)).unwrap();
            let loaded = file.load_into(&mut back, Loading::by_name()).unwrap();
            assert!(loaded.is_whole(), "{name}, {format}: {loaded}");
            for (a, b) in model.parameters().iter().zip(back.parameters()) {
                assert_eq!((&a.path, &a.value), (&b.path, &b.value), "{name}, {format}");
            }
        }
    }
}

#[test]
fn the_same_model_is_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for format in MODELS.into_iter().chain(WEIGHTS) {
        save(&small_model(), path("a"), format).unwrap();
        save(&small_model(), path("b"), format).unwrap();
        assert!(std::fs::read(path("a")).unwrap() == std::fs::read(path("b")).unwrap(), "{format}");
    }
}

#[test]
fn everything_that_a_format_does_not_have_is_listed() {
    let mut bordered = MaxPooling2D::new(3);
    bordered.padding = Padding::Explicit([1, 0, 0, 2]);
    let network = Architecture::new()
        .named("a", Conv2D::new(2, 3))
        .named("b", bordered.clone())
        .named("unused", Conv2D::new(2, 1))
        .join("c", bordered, &["b"]);
    let model = Model::new(network, InputSpec::new([20, 20, 3]), Seed(2)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    let Err(Error::Unwritable { all, .. }) = save(&model, &path, Format::KerasArchive) else {
        panic!("not refused")
    };
    for part in ["`b` (MaxPooling2D)", "`c` (MaxPooling2D)", "`unused`: nothing reads it"] {
        assert!(all.iter().any(|line| line.contains(part)), "{part} in {all:?}");
    }
    assert!(!path.exists());
    assert!(matches!(save(&model, &path, Format::Torch), Err(Error::Argument(_))));
    // ONNX has all of it.
    save(&model, &path, Format::Onnx).unwrap();
}

#[test]
fn a_disk_that_refuses_leaves_no_half_file() {
    let missing = Path::new("no/such/folder/model.npz");
    let error = save(&small_model(), missing, Format::Npz).unwrap_err();
    assert!(error.to_string().contains("cannot be written"), "{error}");
}

#[test]
fn named_tensors_are_converted_without_a_network() {
    let folder = tempfile::tempdir().unwrap();
    for source in ["zip.pth", "row.pth", "packed.npz", "torch.safetensors"] {
        for format in [Format::Npz, Format::Safetensors] {
            let path = folder.path().join("out");
            let mut file = WeightFile::open(foreign(source)).unwrap();
            assert!(file.save_tensors(&path, format).unwrap().is_empty());
            let mut back = WeightFile::open(&path).unwrap();
            assert_eq!((back.format(), back.tensors().count()), (format, 28));
            let names: Vec<_> = file.tensors().map(|tensor| tensor.name.clone()).collect();
            for name in names {
                assert_eq!(back.read(&name).unwrap(), file.read(&name).unwrap(), "{source}: {name}");
            }
            // PyTorch's names tell PyTorch's layout.
            let mut model = torch_model();
            back.load_into(&mut model, Loading::by_name()).unwrap();
            let x = golden_of("formats.safetensors", "x");
            close(&model.predict(&x).unwrap(), &golden_of("formats.safetensors", "y"), 1e-5);
        }
    }
    let mut file = WeightFile::open(foreign("zip.pth")).unwrap();
    let refused = file.save_tensors(folder.path().join("out.onnx"), Format::Onnx);
    assert!(matches!(refused, Err(Error::Argument(_))));
    assert_eq!(input().shape, [13, 11, 3]);
}

/// Half the bytes, each number within half a unit of f16's last place; the same file each time.
#[test]
fn half_precision_is_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.safetensors");
    let entry = || zoo::mini_vgg(32, zoo::Top::Without);
    let model = entry().untrained(Seed(3)).unwrap();
    save_half(&model, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let numbers = 2 * model.summary().parameters();
    assert!((numbers..numbers + 4_096).contains(&bytes.len()), "{} bytes", bytes.len());
    let (back, loaded) = entry().load(&path, Loading::in_order()).unwrap();
    assert!(loaded.is_whole(), "{loaded}");
    let mut differ = 0;
    for (a, b) in model.parameters().iter().zip(back.parameters()) {
        for (&a, &b) in a.value.data().iter().zip(b.value.data()) {
            // Below 2⁻¹⁴ f16 has steps of 2⁻²⁴.
            assert!((a - b).abs() <= (a.abs() / 2_048.0).max(1.0 / 33_554_432.0), "{a} became {b}");
            differ += usize::from(a != b);
        }
    }
    assert!(differ > 0, "f16 cannot hold these numbers exactly");
    save_half(&back, &path).unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes);
    let (same, _) = entry().load_bytes(Box::leak(bytes.into_boxed_slice()), Loading::by_name()).unwrap();
    let pictures = pictures(&same);
    assert!(same.predict(&pictures).unwrap().data() == back.predict(&pictures).unwrap().data());
}
