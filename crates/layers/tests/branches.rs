//! A network with several ways side by side, as Inception, ResNeXt and Xception are built: groups, separable convolutions,
//! joined channels, the largest of a picture.

use convnet_autograd::Tape;
use convnet_cpu::parallel;
use convnet_layers::*;
use convnet_tensor::{Purpose, Seed, Shape, Tensor};

fn branches() -> Architecture {
    let block = Architecture::new()
        .named("grouped", Conv2D::new(6, 3).groups(3).same().relu())
        .join("separable", SeparableConv2D::new(4, 3).same().relu(), &["input"])
        .join("joined", Concatenate::new(), &["grouped", "separable", "input"]);
    Architecture::new()
        .named("first", Conv2D::new(3, 3).relu())
        .nested("block", block)
        // A convolution in groups is not fused with the pooling, normalisation and ReLU behind it.
        .named("pooled", Conv2D::new(8, 1).groups(1))
        .named("pool", MaxPooling2D::new(2))
        .named("wide", Conv2D::new(8, 3).groups(4).same())
        .named("wide_pool", MaxPooling2D::new(2))
        .named("narrow", Conv2D::new(6, 1).groups(2).without_bias())
        .named("norm", BatchNormalization::new())
        .named("relu", ReLU::up_to(6.0))
        .named("largest", GlobalMaxPooling2D::new())
        .join("mean", GlobalAveragePooling2D::new(), &["relu"])
        .join("both", Concatenate::new(), &["largest", "mean"])
        .named("classes", Dense::new(3).softmax())
}

fn model() -> Model {
    Model::new(branches(), InputSpec::new([16, 13, 3]), Seed(5)).unwrap()
}

fn random(shape: impl Into<Shape>, seed: u64) -> Tensor {
    let mut stream = Seed(seed).stream(Purpose::Check, 6, 0);
    Tensor::from_fn(shape, |_| stream.between(-1.0, 1.0))
}

/// Scores and every gradient of a training pass with these taps.
fn step(model: &Model, taps: Vec<Tap>) -> Vec<(usize, Tensor)> {
    let x = random([11, 16, 13, 3], 1);
    let request = Request { watch_input: true, taps, ..Request::train(Seed(9), &[], &[]) };
    let mut tape = Tape::new();
    let outputs = model.run(&mut tape, &x, &request).unwrap();
    let scores = outputs.logits.unwrap();
    let mut results = vec![(usize::MAX / 2, scores.tensor().clone())];
    tape.backward(&[(&scores, random(scores.shape(), 2))], |key, gradient| {
        results.push((key, gradient));
        Ok(())
    })
    .unwrap();
    results.sort_by_key(|(key, _)| *key);
    results
}

#[test]
fn threads_taps_and_fusing_change_no_bit() {
    let model = model();
    let plain = step(&model, Vec::new());
    // Every weight learns; statistics have no gradient.
    let learned = model.parameters().iter().filter(|parameter| parameter.is_learned()).count();
    assert_eq!(plain.len(), learned + 2);
    for threads in [1, 2, 3, 8] {
        assert!(
            parallel::install(threads, || step(&model, Vec::new())).unwrap() == plain,
            "{threads} threads"
        );
    }
    for (path, _) in model.layers() {
        assert!(step(&model, vec![Tap::output(path)]) == plain, "{path} tapped");
    }
    let x = random([5, 16, 13, 3], 3);
    let taps = Request::taps(model.layers().map(|(path, _)| Tap::output(path)));
    let run = |request| model.run(&mut Tape::new(), &x, request).unwrap().logits.unwrap().into_tensor();
    assert_eq!(run(&Request::predict()), run(&taps));
}

#[test]
fn a_file_and_the_summary_know_all_of_it() {
    let model = model();
    let summary = model.summary();
    let of = |path: &str| {
        let row = summary.rows.iter().find(|row| row.path == path).unwrap();
        (row.class, row.output.to_string(), row.parameters)
    };
    assert_eq!(of("block/grouped"), ("Conv2D", "(14, 11, 6)".into(), 3 * 3 * 6 + 6));
    assert_eq!(of("block/separable"), ("SeparableConv2D", "(14, 11, 4)".into(), 3 * 3 * 3 + 3 * 4 + 4));
    assert_eq!(of("block/joined"), ("Concatenate", "(14, 11, 13)".into(), 0));
    assert_eq!(of("largest"), ("GlobalMaxPooling2D", "(6)".into(), 0));
    assert_eq!(of("both"), ("Concatenate", "(12)".into(), 0));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    model.save(&path).unwrap();
    let loaded = Model::load(&path, &LayerClasses::builtin()).unwrap();
    assert_eq!(loaded.summary(), summary);
    let x = random([2, 16, 13, 3], 4);
    assert_eq!(loaded.predict(&x).unwrap(), model.predict(&x).unwrap());
    // The window of a way is that of its convolution.
    assert_eq!(model.receptive_field("block/joined", [6, 6]).unwrap().size(), [5, 5]);
}

#[test]
fn mistakes_are_told_when_the_model_is_built() {
    let error = |architecture: Architecture| {
        Model::new(architecture, InputSpec::new([9, 9, 4]), Seed(1)).unwrap_err().to_string()
    };
    let a = Architecture::new;
    assert_eq!(
        error(a().named("conv", Conv2D::new(6, 3).groups(4))),
        "layer `conv` (Conv2D): takes channels and filters that 4 groups divide, but gets 4 channels and 6 filters; \
         choose groups that divide both"
    );
    assert_eq!(
        error(a().named("one", Conv2D::new(8, 3)).join("both", Concatenate::new(), &["input", "one"])),
        "layer `both` (Concatenate): takes inputs that differ in their channels alone, but gets (9, 9, 4) and (7, 7, 8); \
         make height and width agree with strides and padding of the layers before it"
    );
    assert!(error(a().add(Concatenate::new())).contains("name its inputs with `Architecture::join`"));
    let wide = SeparableConv2D::new(2, 3).depth_multiplier(60_000);
    assert!(error(a().add(wide)).contains("the number of channels between the convolutions"));
    assert!(error(a().add(Flatten::new()).add(GlobalMaxPooling2D::new())).contains("takes pictures"));
}
