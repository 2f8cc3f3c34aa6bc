//! Small files that PyTorch, NumPy and safetensors wrote (`goldens/formats.py`): every layer computes what PyTorch's does.

mod common;

use common::{close, foreign, golden_of, input, torch_model};
use convnet_autograd::Tape;
use convnet_layers::{
    Architecture, BatchNormalization, Concatenate, Conv2D, Dense, Flatten, GlobalMaxPooling2D, InputSpec,
    Model, Padding, ReLU, Request, Tap,
};
use convnet_pretrained::{Error, Format, Loading, NumberType, WeightFile, npy};
use convnet_tensor::{Seed, Tensor};

fn golden(name: &str) -> Tensor {
    golden_of("formats.safetensors", name)
}

/// Rows that were flattened channel by channel, pixel by pixel.
fn pixel_by_pixel(rows: &Tensor, [height, width, channels]: [usize; 3]) -> Tensor {
    let size = height * width * channels;
    Tensor::from_fn(rows.shape(), |place| {
        let (row, at) = (place / size, place % size);
        let (channel, pixel) = (at % channels, at / channels);
        rows.data()[row * size + channel * height * width + pixel]
    })
}

/// Every layer of the model computes what PyTorch's module of its name does.
fn computes_what_torch_does(model: &Model) {
    let names = ["first", "first_bn", "depth", "depth_bn", "point", "left", "right", "pool", "fc1"];
    let request = Request::taps(names.iter().copied().chain(["flat_bn"]).map(Tap::output));
    let outputs = model.run(&mut Tape::new(), &golden("x"), &request).unwrap();
    for (name, tap) in names.iter().zip(&outputs.taps) {
        close(tap.tensor(), &golden(name), 1e-5);
    }
    close(outputs.taps[names.len()].tensor(), &pixel_by_pixel(&golden("flat_bn"), [3, 2, 8]), 1e-5);
    close(&model.predict(&golden("x")).unwrap(), &golden("y"), 1e-5);
}

#[test]
fn every_file_of_the_network_computes_what_pytorch_computes() {
    for (name, format, tensors) in [
        ("zip.pth", Format::Torch, 28),
        ("row.pth", Format::Torch, 28),
        ("checkpoint.pth", Format::Torch, 28),
        ("checkpoint_row.pth", Format::Torch, 28),
        ("torch.safetensors", Format::Safetensors, 28),
        ("plain.npz", Format::Npz, 28),
        ("packed.npz", Format::Npz, 28),
    ] {
        for loading in [Loading::in_order(), Loading::by_name()] {
            let mut file = WeightFile::open(foreign(name)).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((file.format(), file.tensors().count()), (format, tensors), "{name}");
            assert!(file.architecture().unwrap().is_none());
            let mut model = torch_model();
            let loaded = file.load_into(&mut model, loading).unwrap_or_else(|error| panic!("{error}"));
            assert!(loaded.is_whole() && loaded.matched.len() == 25, "{name}: {loaded}");
            computes_what_torch_does(&model);
        }
    }
}

#[test]
fn groups_and_ways_side_by_side_compute_what_pytorch_computes() {
    let network = Architecture::new()
        .named("wide", Conv2D::new(6, 3).groups(2).padding(Padding::Explicit([1; 4])))
        .named("wide_relu", ReLU::new())
        .join("deep", Conv2D::new(3, 1), &["input"])
        .join("both", Concatenate::new(), &["wide_relu", "deep"])
        .named("joined", Conv2D::new(6, [2, 3]).groups(3).without_bias())
        .named("largest", GlobalMaxPooling2D::new())
        .named("classes", Dense::new(4));
    let mut model = Model::new(network, InputSpec::new([9, 8, 4]), Seed(3)).unwrap();
    let mut file = WeightFile::open(foreign("branches.pth")).unwrap();
    assert!(file.load_into(&mut model, Loading::in_order()).unwrap().is_whole());
    let golden = |name: &str| golden(&format!("branches/{name}"));
    let names = ["wide", "deep", "joined", "classes"];
    let request = Request::taps(names.map(Tap::output));
    let outputs = model.run(&mut Tape::new(), &golden("x"), &request).unwrap();
    for (name, tap) in names.iter().zip(&outputs.taps) {
        close(tap.tensor(), &golden(name), 1e-5);
    }
}

/// PyTorch flattens channel by channel; which numbers of a row were a picture is not followed through a join.
#[test]
fn flattened_pictures_side_by_side_are_refused_from_pytorch() {
    let network = Architecture::new()
        .named("flat", Flatten::new())
        .join("again", Flatten::new(), &["input"])
        .join("both", Concatenate::new(), &["flat", "again"])
        .named("fc2", Dense::new(4));
    let mut model = Model::new(network, InputSpec::new([5, 1, 1]), Seed(3)).unwrap();
    let mut file = WeightFile::open(foreign("zip.pth")).unwrap();
    let error = file.load_into(&mut model, Loading::by_name()).unwrap_err().to_string();
    assert!(error.contains("reads flattened pictures side by side"), "{error}");
}

#[test]
fn tensors_keep_pytorchs_layout_when_they_are_read_by_name() {
    let mut files = ["zip.pth", "checkpoint.pth", "checkpoint_row.pth", "torch.safetensors", "packed.npz"]
        .map(|name| WeightFile::open(foreign(name)).unwrap());
    for name in ["first.weight", "left.weight", "fc1.weight", "fc2.weight", "depth_bn.running_var"] {
        let [first, others @ ..] = &mut files;
        let expected = first.read(name).unwrap();
        for file in others {
            assert_eq!(file.read(name).unwrap(), expected, "{file:?} {name}");
        }
    }
    assert_eq!(files[0].read("left.weight").unwrap().shape().to_string(), "(8, 8, 3, 3)");
    assert!(files[0].tensors().any(|tensor| tensor.name == "first_bn.num_batches_tracked"));
}

#[test]
fn numbers_of_every_type_are_read() {
    let counted = |place: usize| place as f32;
    for name in ["types.pth", "types.safetensors", "types.npz"] {
        let mut file = WeightFile::open(foreign(name)).unwrap();
        let names: Vec<_> = file.tensors().map(|tensor| tensor.name.clone()).collect();
        assert!(names.len() >= 10, "{names:?}");
        for tensor in names {
            let found = file.read(&tensor).unwrap_or_else(|error| panic!("{error}"));
            let expected = Tensor::from_fn([2, 3, 4], |place| {
                if tensor == "bool" { f32::from(u8::from(place % 3 == 1)) } else { counted(place) }
            });
            assert_eq!(found, expected, "{name}: {tensor}");
        }
    }
    let mut views = WeightFile::open(foreign("views.pth")).unwrap();
    let turned = Tensor::from_fn([2, 3, 4], |place| ((place % 4) * 6 + place / 4) as f32);
    assert_eq!(views.read("turned").unwrap(), turned);
    let steps = Tensor::from_fn([2, 3, 4], |place| (place / 4 * 20 + 3 + place % 4 * 4) as f32);
    assert_eq!(views.read("steps").unwrap(), steps);
    assert_eq!(views.read("late").unwrap(), Tensor::from_fn([2, 3, 4], |place| (96 + place) as f32));
}

#[test]
fn what_is_no_state_dict_is_refused_with_a_remedy() {
    let message = WeightFile::open(foreign("module.pth")).unwrap_err().to_string();
    assert!(message.contains("asks for `") && message.contains("save `model.state_dict()`"), "{message}");
    let message = WeightFile::open(foreign("expanded.pth")).unwrap_err().to_string();
    assert!(message.contains("`w`") && message.contains("save a copy"), "{message}");
}

#[test]
fn layers_are_found_under_other_names_once_they_are_renamed() {
    let architecture = Architecture::new()
        .nested("base", Architecture::new().named("conv", Conv2D::new(6, [3, 2]).without_bias()))
        .named("norm", BatchNormalization::new());
    for name in ["zip.pth", "torch.safetensors", "plain.npz"] {
        let mut model = Model::new(architecture.clone(), input(), Seed(1)).unwrap();
        let mut file = WeightFile::open(foreign(name)).unwrap();
        let all = match file.load_into(&mut model, Loading::in_order()) {
            Err(Error::Mismatch { all, .. }) => all,
            other => panic!("{other:?}"),
        };
        assert!(all.iter().any(|line| line.contains("no place for `fc2.weight`")), "{all:?}");
        let hint = all.iter().any(|line| line.contains("WeightFile::rename"));
        assert_eq!(hint, name == "torch.safetensors");

        file.rename(|path| match path {
            "first" => "base/conv".into(),
            "first_bn" => "norm".into(),
            other => other.into(),
        });
        let loaded = file.load_into(&mut model, Loading::by_name()).unwrap();
        assert!(loaded.missing.is_empty() && loaded.matched.len() == 5, "{loaded}");
        assert!(!loaded.left_over.iter().any(|name| name.contains("num_batches_tracked")), "{loaded}");
    }
}

#[test]
fn kernels_that_do_not_fit_are_told_in_both_layouts() {
    let network = Architecture::new().named("first", Conv2D::new(6, [2, 3]).without_bias());
    let mut model = Model::new(network, InputSpec::new([13, 11, 3]), Seed(1)).unwrap();
    let mut file = WeightFile::open(foreign("zip.pth")).unwrap();
    let error = file.load_into(&mut model, Loading::by_name()).unwrap_err().to_string();
    assert!(error.contains("(2, 3, 3, 6) ([6, 3, 2, 3] in the layout of the file)"), "{error}");
    assert!(error.contains("`first.weight` in the file has [6, 3, 3, 2]"), "{error}");
}

/// An archive as `numpy.savez(path, *arrays)` makes it, without names.
#[test]
fn a_bare_list_of_arrays_is_spread_over_the_layers() {
    let network = Architecture::new()
        .named("a", Conv2D::new(2, 1))
        .add(convnet_layers::Flatten::new())
        .named("b", Dense::new(3));
    let model = Model::new(network.clone(), InputSpec::new([1, 1, 4]), Seed(1)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut archive = zip::ZipWriter::new(std::fs::File::create(folder.path().join("list.npz")).unwrap());
    for (place, parameter) in model.parameters().iter().enumerate() {
        let path = folder.path().join("one.npy");
        npy::write(&path, &parameter.value).unwrap();
        assert_eq!(npy::read(&path).unwrap(), parameter.value);
        archive.start_file(format!("arr_{place}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, &std::fs::read(&path).unwrap()).unwrap();
    }
    archive.finish().unwrap();
    let mut other = Model::new(network, InputSpec::new([1, 1, 4]), Seed(2)).unwrap();
    let mut file = WeightFile::open(folder.path().join("list.npz")).unwrap();
    let loaded = file.load_into(&mut other, Loading::in_order()).unwrap();
    assert_eq!((loaded.matched.len(), &*loaded.matched[2].1), (4, "arr_2"));
    for (a, b) in model.parameters().iter().zip(other.parameters()) {
        assert_eq!((&a.path, &a.value), (&b.path, &b.value));
    }
    assert_eq!(file.tensors().next().unwrap().numbers, NumberType::F32);
}
