//! Hostile files: every small file that Keras wrote, changed in thousands of ways (ten thousand per format), and attacks by hand.

mod common;

use common::{bounded, branches_model, input, small, small_model};
use convnet_layers::Model;
use convnet_pretrained::{Error, Format, Loading, WeightFile, save};
use convnet_tensor::Seed;
use hdf5_pure::{AttrValue, FileBuilder};
use std::io::{Cursor, Write};

/// Changes of one file of each format.
const MUTATIONS: u64 = 10_000;

/// Changes of a further file of the same format.
const FURTHER: u64 = 2_000;

/// What one file may do: be read, or be refused with a message that is not the library's panic.
fn read(bytes: Vec<u8>, model: &mut Model) -> bool {
    let outcome = WeightFile::from_reader("mutated", Cursor::new(bytes)).and_then(|mut file| {
        file.load_into(model, Loading::by_name().skip_mismatch())?;
        match file.architecture() {
            Ok(Some(_)) => file.model(model.input().clone()).map(|_| ()),
            _ => Ok(()),
        }
    });
    if let Err(error) = &outcome {
        assert!(!error.to_string().contains("does not survive"), "the HDF5 library panicked: {error}");
    }
    outcome.is_ok()
}

/// Changes one file of the small network so many times.
fn survive(name: &str, mutations: u64) {
    survive_as(small_model(), name, mutations);
}

/// Changes one file of a network like this one so many times.
fn survive_as(mut model: Model, name: &str, mutations: u64) {
    common::survive(&small(name), mutations, |bytes| read(bytes, &mut model));
}

#[test]
fn changed_legacy_models() {
    survive("small.h5", MUTATIONS);
}

#[test]
fn changed_models_of_keras_2() {
    survive("keras2.h5", FURTHER);
}

#[test]
fn changed_legacy_weights() {
    survive("weights_only.h5", FURTHER);
}

#[test]
fn changed_weights_of_keras_3() {
    survive("small.weights.h5", MUTATIONS);
}

#[test]
fn changed_archives() {
    survive("small.keras", MUTATIONS);
}

#[test]
fn changed_packed_archives() {
    survive("packed.keras", FURTHER);
}

#[test]
fn changed_models_with_groups_and_ways_side_by_side() {
    survive_as(branches_model(), "branches.h5", FURTHER);
    survive_as(branches_model(), "branches.keras", FURTHER);
}

fn refused(bytes: Vec<u8>) -> String {
    WeightFile::from_reader("attack", Cursor::new(bytes)).unwrap_err().to_string()
}

fn archive(config: &str, weights: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, bytes) in [("config.json", config.as_bytes()), ("model.weights.h5", weights)] {
        zip.start_file(name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn with_config(config: &str) -> WeightFile {
    let weights = std::fs::read(small("small.weights.h5")).unwrap();
    WeightFile::from_reader("attack", Cursor::new(archive(config, &weights))).unwrap()
}

#[test]
fn what_is_no_file_of_weights_is_refused() {
    for bytes in [&b""[..], b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"GIF89a", &[0; 4096]] {
        let message = refused(bytes.to_vec());
        assert!(message.starts_with("attack: "), "{message}");
    }
    let folder = WeightFile::open(env!("CARGO_MANIFEST_DIR")).unwrap_err();
    assert!(folder.to_string().contains("is not a file"), "{folder}");
    let missing = WeightFile::open("no/such/file.h5").unwrap_err();
    assert!(missing.to_string().contains("cannot be read"), "{missing}");
}

#[test]
fn everything_unsupported_is_listed() {
    let config = r#"{"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [null, 8, 8, 3], "name": "i"}},
        {"class_name": "Conv2D", "config": {"name": "c", "filters": 2, "kernel_size": [3, 3], "groups": [2], "activation": "gelu"}},
        {"class_name": "LSTM", "config": {"name": "l"}},
        {"class_name": "Lambda", "config": {"name": "x", "function": ["eval", null, null]}},
        {"class_name": "Dense", "config": {"name": "d", "units": "many"}}]}}"#;
    let mut file = with_config(config);
    let Err(Error::Unsupported { all, .. }) = file.model(input()) else { panic!("not refused") };
    for part in [
        "`c` (Conv2D): `groups` is [2]",
        "`gelu`",
        "`l` (LSTM)",
        "`x` (Lambda)",
        "`d` (Dense): `units` is \"many\"",
    ] {
        assert!(all.iter().any(|line| line.contains(part)), "{part} in {all:?}");
    }
    assert_eq!(all.len(), 5, "{all:?}");
    // Its tensors can be read all the same.
    assert_eq!(file.tensors().count(), 20);
}

#[test]
fn descriptions_cannot_be_nested_without_end() {
    let mut config = r#"{"class_name": "Flatten", "config": {"name": "f"}}"#.to_string();
    for _ in 0..20 {
        config =
            format!(r#"{{"class_name": "Sequential", "config": {{"name": "s", "layers": [{config}]}}}}"#);
    }
    assert!(matches!(with_config(&config).model(input()), Err(Error::Unsupported { .. })));
    let weights = std::fs::read(small("small.weights.h5")).unwrap();
    assert!(refused(archive(&"[".repeat(1 << 20), &weights)).contains("not JSON"));
}

#[test]
fn absurd_shapes_are_refused_before_anything_is_reserved() {
    let config = r#"{"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [null, 13, 11, 3], "name": "i"}},
        {"class_name": "Flatten", "config": {"name": "f"}},
        {"class_name": "Dense", "config": {"name": "d", "units": 18446744073709551615}}]}}"#;
    assert!(matches!(with_config(config).model(input()), Err(Error::Layers(_))));
    bounded();
}

#[test]
fn a_bomb_in_an_archive_is_not_unpacked_whole() {
    let bomb = archive(&" ".repeat((64 << 20) + 1), b"");
    assert!(bomb.len() < 1 << 20);
    assert!(refused(bomb).contains("which no weights do"));
}

/// A legacy file with one layer of these names.
fn legacy(layers: &[&str], weights: &[&str]) -> Vec<u8> {
    let strings = |names: &[&str]| AttrValue::StringArray(names.iter().map(ToString::to_string).collect());
    let mut file = FileBuilder::new();
    file.set_attr("layer_names", strings(layers));
    let mut group = file.create_group("a");
    group.set_attr("weight_names", strings(weights));
    group.create_dataset("kernel").with_f32_data(&[f32::NAN, 1.0]).with_shape(&[1, 2]);
    group.create_dataset("count").with_i32_data(&[1, 2]).with_shape(&[1, 2]);
    file.add_group(group.finish());
    file.finish().unwrap()
}

#[test]
fn names_that_lead_nowhere_or_come_twice_are_refused() {
    assert!(refused(legacy(&["a", "a"], &["kernel"])).contains("twice"));
    assert!(refused(legacy(&["b"], &["kernel"])).contains("lacks the group"));
    assert!(refused(legacy(&["a"], &["bias"])).contains("lacks the tensor"));
    assert!(refused(legacy(&["a"], &["../a/kernel"])).contains("lacks the tensor"));
}

#[test]
fn numbers_that_are_not_finite_are_told_and_those_that_are_no_weights_refused() {
    let dense = convnet_layers::Architecture::new()
        .add(convnet_layers::Flatten::new())
        .named("a", convnet_layers::Dense::new(2).without_bias());
    let mut model = Model::new(dense, convnet_layers::InputSpec::new([1, 1, 1]), Seed(1)).unwrap();
    let open =
        |weights: &[&str]| WeightFile::from_reader("nan", Cursor::new(legacy(&["a"], weights))).unwrap();
    let loaded = open(&["kernel"]).load_into(&mut model, Loading::in_order()).unwrap();
    assert_eq!(loaded.not_finite, ["a/kernel"]);
    assert!(!loaded.is_whole());
    // A whole model tells it too.
    let folder = tempfile::tempdir().unwrap();
    for (name, format) in
        [("a.h5", Format::KerasLegacy), ("a.keras", Format::KerasArchive), ("a.onnx", Format::Onnx)]
    {
        let path = folder.path().join(name);
        save(&model, &path, format).unwrap();
        let mut file = WeightFile::open(&path).unwrap();
        let (_, loaded) = file.model_and_loaded(convnet_layers::InputSpec::new([1, 1, 1])).unwrap();
        assert!(matches!(&loaded.not_finite[..], [path] if path.ends_with("a/kernel")), "{name}: {loaded}");
    }
    let error = open(&["count"]).load_into(&mut model, Loading::in_order()).unwrap_err();
    assert!(error.to_string().contains("no floating-point numbers"), "{error}");
}
