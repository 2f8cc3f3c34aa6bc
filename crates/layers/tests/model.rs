//! What a model promises: sizes of the chapter, mistakes told when it is built, fusing and slicing and tapping without a
//! changed bit, freezing, files, threads.

use convnet_autograd::{Tape, Value};
use convnet_cpu::parallel;
use convnet_cpu::simd::{self, Isa};
use convnet_layers::*;
use convnet_tensor::{Purpose, Seed, Shape, Tensor};

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

/// Everything that shapes the tape: a nested base, a residual block, both normalisations, dropout.
fn odd() -> Architecture {
    let base = Architecture::new()
        .named("block1_conv1", Conv2D::new(8, 3).same().relu())
        .named("block1_conv2", Conv2D::new(8, 3).same().relu())
        .named("block1_pool", MaxPooling2D::new(2))
        .named("norm", BatchNormalization::new())
        .named("left", Conv2D::new(8, 1).without_bias())
        .join("sum", Add::new(), &["norm", "left"])
        .named("relu", ReLU::up_to(6.0));
    Architecture::new()
        .add(Rescaling::new(0.5))
        .nested("base", base)
        .add(AveragePooling2D::new(2))
        .add(Flatten::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(6).relu())
        .add(Dense::new(1).sigmoid())
}

fn random(shape: impl Into<Shape>, seed: u64) -> Tensor {
    let mut stream = Seed(seed).stream(Purpose::Check, 3, 0);
    Tensor::from_fn(shape, |_| stream.uniform())
}

fn odd_model() -> Model {
    Model::new(odd(), InputSpec::new([11, 9, 3]).classes(["cat", "dog"]), Seed(4)).unwrap()
}

/// Output and every gradient of a training pass.
fn step(model: &Model, pictures: usize, change: impl Fn(&mut Request)) -> Vec<(usize, Tensor)> {
    let shape = model.input().shape;
    let x = random([pictures, shape[0], shape[1], shape[2]], 1);
    let numbers: Vec<u64> = (0..pictures as u64).collect();
    let mut request = Request::train(Seed(9), &vec![0; pictures], &numbers);
    change(&mut request);
    let mut tape = Tape::new();
    let outputs = model.run(&mut tape, &x, &request).unwrap();
    let logits = outputs.logits.unwrap();
    let mut results = vec![(usize::MAX / 2, logits.tensor().clone())];
    results.extend(outputs.statistics);
    let seed = random(logits.shape(), 2);
    tape.backward(&[(&logits, seed)], |key, gradient| {
        results.push((key, gradient));
        Ok(())
    })
    .unwrap();
    assert!(tape.is_empty());
    results.sort_by_key(|(key, _)| *key);
    results
}

#[test]
fn parameters_are_those_of_the_chapter() {
    let model = Model::new(digits(), InputSpec::new([28, 28, 1]), Seed(1)).unwrap();
    let summary = model.summary();
    let counts: Vec<_> = summary.rows.iter().map(|row| row.parameters).collect();
    assert_eq!(counts, [320, 0, 18_496, 0, 36_928, 0, 36_928, 650]);
    assert_eq!(summary.parameters(), 93_322);
    let shapes: Vec<_> = summary.rows.iter().map(|row| row.output.to_string()).collect();
    assert_eq!(
        shapes,
        ["(26, 26, 32)", "(13, 13, 32)", "(11, 11, 64)", "(5, 5, 64)", "(3, 3, 64)", "(576)", "(64)", "(10)"]
    );
    let without = Architecture::new()
        .add(Conv2D::new(32, 3).relu())
        .add(Conv2D::new(64, 3).relu())
        .add(Conv2D::new(64, 3).relu())
        .add(Flatten::new())
        .add(Dense::new(64).relu())
        .add(Dense::new(10).softmax());
    let model = Model::new(without, InputSpec::new([28, 28, 1]), Seed(1)).unwrap();
    assert_eq!(model.summary().parameters(), 2_038_922);
}

#[test]
fn the_summary_reads_as_in_keras() {
    let mut model = odd_model();
    model.freeze("base/block1_conv1").unwrap();
    let expected = "\
┌────────────────────────────────────┬───────────────┬─────────┬───────────┐
│ Layer (type)                       │ Output shape  │ Param # │ Trainable │
├────────────────────────────────────┼───────────────┼─────────┼───────────┤
│ rescaling (Rescaling)              │ (N, 11, 9, 3) │       0 │ –         │
│ base/block1_conv1 (Conv2D)         │ (N, 11, 9, 8) │     224 │ no        │
│ base/block1_conv2 (Conv2D)         │ (N, 11, 9, 8) │     584 │ yes       │
│ base/block1_pool (MaxPooling2D)    │ (N, 5, 4, 8)  │       0 │ –         │
│ base/norm (BatchNormalization)     │ (N, 5, 4, 8)  │      32 │ yes       │
│ base/left (Conv2D)                 │ (N, 5, 4, 8)  │      64 │ yes       │
│ base/sum (Add)                     │ (N, 5, 4, 8)  │       0 │ –         │
│ base/relu (ReLU)                   │ (N, 5, 4, 8)  │       0 │ –         │
│ average_pooling2d (AveragePooling… │ (N, 2, 2, 8)  │       0 │ –         │";
    let table = model.summary().to_string();
    // The longest name sets the width of its column, so compare cell by cell.
    let cells = |text: &str| -> Vec<Vec<String>> {
        let lines = text.lines().filter(|line| line.starts_with('│'));
        lines.map(|line| line.split('│').map(|cell| cell.trim().to_string()).collect()).collect()
    };
    let (found, expected) = (cells(&table), cells(expected));
    // The last row's name is cut above: ours shows it whole.
    for (found, expected) in found.iter().zip(&expected[..expected.len() - 1]) {
        assert_eq!(found, expected);
    }
    assert!(table.contains("Non-trainable params: 240 (960 B)"), "{table}");
    let widths: std::collections::BTreeSet<_> =
        table.lines().filter(|line| line.contains('│')).map(|line| line.chars().count()).collect();
    assert_eq!(widths.len(), 1, "all rows are equally wide");
}

/// What Keras itself prints of the digits convnet, `goldens/summary.txt`: the same layers, shapes, numbers and sizes.
#[test]
fn the_summary_tells_what_that_of_keras_tells() {
    let cells = |text: &str| -> Vec<Vec<String>> {
        let rows = text.lines().filter(|line| line.starts_with('│'));
        let cells =
            rows.map(|row| row.trim_matches('│').split('│').take(3).map(|cell| cell.trim().to_string()));
        cells.map(|row| row.collect()).collect()
    };
    let totals = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.trim().to_string()).filter(|line| line.contains("params:")).collect()
    };
    let path = format!("{}/../../goldens/summary.txt", env!("CARGO_MANIFEST_DIR"));
    let keras = std::fs::read_to_string(path).unwrap();
    // Ours has N for the number of pictures, and units of 1,024 bytes under their own names.
    let keras = keras.replace("(None", "(N").replace(" KB)", " KiB)").replace("0.00 B", "0 B");
    let ours = Model::new(digits(), InputSpec::new([28, 28, 1]), Seed(1)).unwrap().summary().to_string();
    let (ours_cells, keras_cells) = (cells(&ours), cells(&keras));
    assert_eq!(keras_cells.len(), 8);
    assert_eq!(&ours_cells[ours_cells.len() - 8..], keras_cells, "{ours}");
    assert_eq!(totals(&ours), totals(&keras), "{ours}");
    // Every output once, four bytes a number: 26² · 32 + 13² · 32 + 11² · 64 + 5² · 64 + 3² · 64 + 576 + 64 + 10.
    assert!(ours.contains("Activations per picture: 146.91 KiB"), "{ours}");
}

#[test]
fn mistakes_are_told_when_the_model_is_built() {
    let error = |architecture: Architecture| {
        Model::new(architecture, InputSpec::new([28, 28, 1]), Seed(1)).unwrap_err().to_string()
    };
    let a = Architecture::new;
    assert_eq!(
        error(a().add(Conv2D::new(8, 3)).add(Dense::new(10))),
        "layer `dense` (Dense): takes rows of numbers (inputs), but gets (26, 26, 8); put Flatten or \
         GlobalAveragePooling2D before it"
    );
    assert_eq!(
        error(a().add(MaxPooling2D::new(14)).named("top", Conv2D::new(8, 3))),
        "layer `top` (Conv2D): takes pictures of at least 3×3 pixels, but gets 2×2; use padding `same`, a smaller \
         window, or less pooling before it"
    );
    assert_eq!(
        error(a().add(Flatten::new()).add(Conv2D::new(8, 3))),
        "layer `conv2d` (Conv2D): takes pictures (height, width, channels), but gets (784); put it before Flatten or a \
         global pooling, where values are still pictures"
    );
    let inner = a().named("one", Conv2D::new(8, 3)).join("sum", Add::new(), &["input", "one"]);
    assert_eq!(
        error(a().nested("block", inner)),
        "layer `block/sum` (Add): takes inputs of one shape, but gets (28, 28, 1) and (26, 26, 8); make the shapes agree \
         with strides, padding and filters of the convolutions before it"
    );
    assert!(
        error(a().named("x", Flatten::new()).named("x", Flatten::new()))
            .contains("two layers are called `x`")
    );
    assert!(error(a().named("a/b", Flatten::new())).contains("without `/`"));
    assert!(
        error(a().named("conv", Conv2D::new(8, 3)).join("sum", Add::new(), &["cnv"])).contains("(`conv`?)")
    );
    assert!(error(a().add(Conv2D::new(0, 3))).contains("the number of filters must be between 1 and"));
    assert!(error(a().add(Conv2D::new(8, 3).strides(0))).contains("the stride"));
    assert!(error(a().add(Dropout::new(1.0))).contains("below 1"));
    assert!(
        error(a().add(Conv2D::new(60_000, 3)).add(Flatten::new()).add(Dense::new(60_000)))
            .contains("numbers")
    );
    let classes = InputSpec::new([28, 28, 1]).classes(["a", "b", "c"]);
    assert!(
        Model::new(digits(), classes, Seed(1)).unwrap_err().to_string().contains("tells 10 classes apart")
    );

    let model = odd_model();
    let error = model.run(&mut Tape::new(), &random([1, 9, 11, 3], 1), &Request::predict()).unwrap_err();
    assert_eq!(error.to_string(), "the model takes pictures of shape (N, 11, 9, 3), but got (1, 9, 11, 3)");
    let error = model.run(
        &mut Tape::new(),
        &random([1, 11, 9, 3], 1),
        &Request::taps([Tap::output("base/blok1_pool")]),
    );
    let message = error.unwrap_err().to_string();
    assert!(
        message.starts_with("there is no layer `base/blok1_pool`; did you mean `base/block1_pool`"),
        "{message}"
    );
}

#[test]
fn tapping_fusing_and_slicing_change_no_bit() {
    for model in [Model::new(digits(), InputSpec::new([28, 28, 1]), Seed(1)).unwrap(), odd_model()] {
        let plain = step(&model, 11, |_| ());
        for threads in [1, 2, 3, 8] {
            assert_eq!(
                parallel::install(threads, || step(&model, 11, |_| ())).unwrap(),
                plain,
                "{threads} threads"
            );
        }
        for (path, _) in model.layers() {
            // A tapped convolution is not fused with its pooling, and ends the slices.
            let tapped = step(&model, 11, |request| request.taps = vec![Tap::output(path)]);
            assert_eq!(tapped, plain, "{path} tapped");
        }
    }
}

/// The chains of MobileNet, and what must not become one: a convolution with an activation before its normalisation, an
/// output that two read, a pointwise convolution with a stride.
fn separable() -> Architecture {
    let net = Architecture::new()
        .named("conv1", Conv2D::new(16, 3).same().strides(2).without_bias())
        .named("conv1_bn", BatchNormalization::new())
        .named("conv1_relu", ReLU::up_to(1.5))
        .named("conv_dw_1", DepthwiseConv2D::new(3).same().without_bias())
        .named("conv_dw_1_bn", BatchNormalization { center: false, ..BatchNormalization::new() })
        .named("conv_dw_1_relu", ReLU::up_to(1.5))
        .named("conv_pw_1", Conv2D::new(24, 1).same())
        .named("conv_pw_1_bn", BatchNormalization { scale: false, ..BatchNormalization::new() })
        .named("conv_pw_1_relu", Activation::new(ActivationKind::Relu))
        .named("conv_pad_2", ZeroPadding2D::new([[0, 1], [0, 1]]))
        .named("conv_dw_2", DepthwiseConv2D::new(3).strides(2).depth_multiplier(2).relu())
        .named("conv_pw_2", Conv2D::new(40, 1).relu());
    Architecture::new()
        .nested("net", net)
        .add(DepthwiseConv2D::new([2, 3]).dilation([1, 2]).same())
        .add(Conv2D::new(33, 1).strides(2).relu())
        .add(BatchNormalization::new())
        .named("wide", Conv2D::new(32, 3).same())
        .named("wide_bn", BatchNormalization::new())
        .join("sum", Add::new(), &["wide_bn", "wide"])
        .named("wide_2", Conv2D::new(32, 3).same().without_bias())
        .named("wide_2_bn", BatchNormalization::new())
        .add(ReLU::new())
        .add(ZeroPadding2D::new([[1, 0], [0, 2]]))
        .add(GlobalAveragePooling2D::new())
        .add(Dense::new(3).softmax())
}

#[test]
fn chains_of_a_prediction_change_no_bit() {
    let mut model = Model::new(separable(), InputSpec::new([21, 18, 3]), Seed(4)).unwrap();
    for (seed, parameter) in model.parameters_mut().iter_mut().enumerate() {
        let is_small = parameter.path.ends_with("kernel");
        let numbers = random(parameter.value.shape(), 100 + seed as u64);
        // Everything positive: each mistake in the order of arrays is seen.
        parameter.value = if is_small { parameter.value.clone() } else { numbers };
    }
    let x = random([5, 21, 18, 3], 1);
    let paths: Vec<_> = model.layers().map(|(path, _)| path.to_string()).collect();
    let one_by_one = Request::taps(paths.iter().map(Tap::output));
    let labels = |request: &Request| {
        let mut tape = Tape::new().with_profile();
        let outputs = model.run(&mut tape, &x, request).unwrap();
        let labels =
            tape.take_profile().0.iter().map(|measured| measured.label.to_string()).collect::<Vec<_>>();
        (outputs.logits.unwrap().into_tensor(), labels)
    };
    for isa in Isa::available() {
        simd::using(isa, || {
            let (expected, all) = labels(&one_by_one);
            assert!(expected.data().iter().all(|score| score.is_finite()));
            // The tap that ends the model is behind its softmax.
            assert_eq!(all.len(), paths.len() + 1);
            for threads in [1, 2, 3] {
                let fused = parallel::install(threads, || labels(&Request::predict()));
                let (logits, labels) = fused.unwrap();
                assert_eq!(logits, expected, "{threads} threads on {isa:?}");
                let expected = ["net/conv1", "net/conv_dw_1", "net/conv_pad_2", "depthwise_conv2d", "conv2d"];
                assert_eq!(labels[..5], expected);
                let expected = ["batch_normalization", "wide", "wide_bn", "sum", "wide_2", "zero_padding2d"];
                assert_eq!(labels[5..11], expected);
            }
            for path in &paths {
                let request = Request::taps([Tap::output(path)]);
                assert_eq!(labels(&request).0, expected, "{path} tapped on {isa:?}");
            }
        });
    }
    // A normalisation that gathers statistics does so, wanted gradients or not.
    let gather = |request: Request| {
        let request = Request { training: true, ..request };
        let outputs = model.run(&mut Tape::new(), &x, &request).unwrap();
        let statistics: Vec<_> = outputs.statistics.into_iter().collect();
        (outputs.logits.unwrap().into_tensor(), statistics)
    };
    let (logits, statistics) = gather(Request::predict());
    assert!(!statistics.is_empty());
    assert!((logits, statistics) == gather(Request::taps(paths.iter().map(Tap::output))));
    // Where a gradient passes nothing is fused, and a frozen base is fused all the same.
    let passing = Request { watch_input: true, ..Request::predict() };
    assert_eq!(labels(&passing).1.len(), paths.len());
    let mut frozen = model.clone();
    frozen.freeze("net").unwrap();
    let mut tape = Tape::new().with_profile();
    frozen.run(&mut tape, &x, &Request::train(Seed(1), &[], &[])).unwrap();
    let labels: Vec<_> = tape.take_profile().0.iter().map(|measured| measured.label.to_string()).collect();
    assert_eq!(labels[..4], ["net/conv1", "net/conv_dw_1", "net/conv_pad_2", "depthwise_conv2d"]);
}

/// What the slices of a batch sum up is what its groups give one by one, added in order.
#[test]
fn a_batch_is_its_groups_added_in_order() {
    let model = Model::new(digits(), InputSpec::new([28, 28, 1]), Seed(1)).unwrap();
    let x = random([11, 28, 28, 1], 1);
    let seed = random([11, 10], 2);
    let gradients = |x: &Tensor, seed: &Tensor| {
        let mut tape = Tape::new();
        let outputs = model.run(&mut tape, x, &Request::train(Seed(9), &[], &[])).unwrap();
        let mut gradients = vec![outputs.logits.as_ref().unwrap().tensor().clone(); 11];
        let keep = |key: usize, gradient| {
            gradients[key] = gradient;
            Ok(())
        };
        tape.backward(&[(&outputs.logits.unwrap(), seed.clone())], keep).unwrap();
        gradients
    };
    let whole = gradients(&x, &seed);
    let mut sums: Vec<Option<Tensor>> = vec![None; 6];
    for range in parallel::groups(11) {
        let part = parallel::in_slice(|| gradients(&x.rows(range.clone()), &seed.rows(range.clone())));
        assert_eq!(part[10], whole[10].rows(range), "the scores of a picture do not depend on the others");
        for (sum, part) in sums.iter_mut().zip(part) {
            match sum {
                None => *sum = Some(part),
                Some(sum) => sum.data_mut().iter_mut().zip(part.data()).for_each(|(sum, part)| *sum += part),
            }
        }
    }
    // Kernels and biases of the three convolutions; dense layers sum over the whole batch in one chain.
    for (place, sum) in sums.into_iter().enumerate() {
        assert_eq!(sum.unwrap(), whole[place], "{}", model.parameters()[place].path);
    }
}

#[test]
fn taps_give_outputs_and_gradients_by_path() {
    let model = odd_model();
    let x = random([3, 11, 9, 3], 1);
    let paths = ["base", "base/block1_conv2", "dense_1"];
    let request = Request { taps: paths.map(Tap::with_gradient).to_vec(), ..Request::predict() };
    let mut tape = Tape::new();
    let outputs = model.run(&mut tape, &x, &request).unwrap();
    let shapes: Vec<_> = outputs.taps.iter().map(|tap| tap.shape().to_string()).collect();
    assert_eq!(shapes, ["(3, 5, 4, 8)", "(3, 11, 9, 8)", "(3, 1)"]);
    // The tap that ends the model is its output, behind the sigmoid.
    assert_eq!(outputs.taps[2].tensor(), &model.predict(&x).unwrap());
    let logits = outputs.logits.unwrap();
    let mut gradients = std::collections::BTreeMap::new();
    tape.backward(&[(&logits, Tensor::full([3, 1], 1.0))], |key, gradient| {
        gradients.insert(usize::MAX - 1 - key, gradient);
        Ok(())
    })
    .unwrap();
    assert_eq!(gradients[&0].shape(), outputs.taps[0].shape());
    assert_eq!(gradients[&1].shape(), outputs.taps[1].shape());
    assert!(gradients[&0].data().iter().any(|&g| g != 0.0));

    let request = Request { taps_only: true, ..Request::taps([Tap::output("base/block1_pool")]) };
    let outputs = model.run(&mut Tape::new().with_profile(), &x, &request).unwrap();
    assert!(outputs.logits.is_none());
    let mut tape = Tape::new().with_profile();
    model.run(&mut tape, &x, &request).unwrap();
    let labels: Vec<_> = tape.take_profile().0.iter().map(|measured| measured.label.to_string()).collect();
    assert_eq!(
        labels,
        ["rescaling", "base/block1_conv1", "base/block1_conv2"],
        "only what the tap needs was run"
    );
}

#[test]
fn predicting_and_frozen_training_record_nothing() {
    let mut model = odd_model();
    model.freeze("").unwrap();
    let mut tape = Tape::new();
    let outputs =
        model.run(&mut tape, &random([9, 11, 9, 3], 1), &Request::train(Seed(1), &[], &[])).unwrap();
    assert!(tape.is_empty() && outputs.statistics.is_empty(), "a frozen normalisation predicts");
    assert!(!outputs.logits.unwrap().is_wanted());
}

#[test]
fn freezing_is_by_path() {
    let mut model = odd_model();
    assert_eq!(model.freeze("base").unwrap(), 9);
    assert!(model.parameters().iter().all(|p| p.trainable != p.path.starts_with("base/")));
    assert_eq!(model.unfreeze_from("base/norm").unwrap(), 9);
    let frozen: Vec<_> =
        model.parameters().iter().filter(|p| !p.trainable).map(|p| p.path.as_str()).collect();
    assert_eq!(
        frozen,
        [
            "base/block1_conv1/kernel",
            "base/block1_conv1/bias",
            "base/block1_conv2/kernel",
            "base/block1_conv2/bias"
        ]
    );
    assert_eq!(
        model.clone().unfreeze_from("base").unwrap(),
        model.parameters().len(),
        "from its first layer on"
    );
    assert!(model.freeze("base/block1_conv").is_err(), "whole components only");
    let keys: Vec<_> = step(&model, 4, |_| ()).iter().map(|(key, _)| *key).filter(|key| *key < 100).collect();
    let learned = |place: &usize| model.parameters()[*place].trainable;
    assert!(keys.iter().all(learned), "{keys:?}");
}

/// Both sides of a cut, one after the other, are the whole; and what is behind it shares its weights.
#[test]
fn what_stands_behind_a_layer_takes_its_output() {
    let model = odd_model();
    let x = random([5, 11, 9, 3], 2);
    let whole = model.predict(&x).unwrap();
    let cuts = [
        "rescaling",
        "base/block1_conv1",
        "base/block1_pool",
        "base/norm",
        "base/relu",
        "base",
        "average_pooling2d",
    ];
    for path in cuts {
        let before =
            model.rebuilt(model.architecture().up_to(path).unwrap(), InputSpec::new([11, 9, 3])).unwrap();
        let behind = model.behind(path).unwrap();
        assert_eq!(behind.predict(&before.predict(&x).unwrap()).unwrap(), whole, "{path}");
        assert_eq!(before.parameters().len() + behind.parameters().len(), model.parameters().len(), "{path}");
        for parameter in behind.parameters() {
            let own = model.parameter(&parameter.path).unwrap();
            assert!(parameter.value.shares_buffer_with(&own.value) && parameter.trainable == own.trainable);
        }
        assert_eq!(behind.input().classes, ["cat", "dog"]);
    }
    let refused = |path: &str| model.behind(path).unwrap_err().to_string();
    assert!(refused("base/left").contains("`sum` takes the output of `norm`"), "{}", refused("base/left"));
    assert!(refused("flatten").contains("cut before it"), "{}", refused("flatten"));
    assert!(refused("base/block1_pol").contains("block1_pool"), "{}", refused("base/block1_pol"));
}

#[test]
fn a_base_is_shared_until_it_is_written() {
    let model = odd_model();
    let base = Model::new(
        model.architecture().up_to("base/block1_pool").unwrap(),
        InputSpec::new([11, 9, 3]),
        Seed(7),
    )
    .unwrap();
    assert_eq!(base.output_shape(), Shape::from([5, 4, 8]));
    let on_top =
        Architecture::new().nested("net", base.architecture().clone()).add(Flatten::new()).add(Dense::new(2));
    let mut with =
        Model::with_parameters(on_top, InputSpec::new([11, 9, 3]), Seed(8), &[("net", &base)]).unwrap();
    for parameter in base.parameters() {
        let shared = with.parameter(&format!("net/{}", parameter.path)).unwrap();
        assert!(shared.value.shares_buffer_with(&parameter.value));
    }
    with.parameters_mut()[0].value.data_mut()[0] = 5.0;
    assert_ne!(base.parameters()[0].value.data()[0], 5.0);
}

#[test]
fn four_threads_predict_through_one_model() {
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    let model = odd_model();
    is_send_and_sync(&model);
    let pictures: Vec<_> = (0..4).map(|seed| random([5, 11, 9, 3], seed)).collect();
    let expected: Vec<_> = pictures.iter().map(|x| model.predict(x).unwrap()).collect();
    let fresh = odd_model();
    std::thread::scope(|scope| {
        for (x, expected) in pictures.iter().zip(&expected) {
            let model = &fresh;
            scope.spawn(move || (0..20).for_each(|_| assert_eq!(model.predict(x).unwrap(), *expected)));
        }
    });
}

#[test]
fn a_file_says_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut model = odd_model();
    model.freeze("base/block1_conv1").unwrap();
    model.save(&path).unwrap();
    let loaded = Model::load(&path, &LayerClasses::builtin()).unwrap();
    assert_eq!(loaded.input(), model.input());
    assert_eq!(loaded.summary(), model.summary());
    let x = random([3, 11, 9, 3], 5);
    assert_eq!(loaded.predict(&x).unwrap(), model.predict(&x).unwrap());
    let frozen = |model: &Model| model.parameters().iter().map(|p| p.trainable).collect::<Vec<_>>();
    assert_eq!(frozen(&loaded), frozen(&model));
    loaded.save(folder.path().join("again.safetensors")).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(std::fs::read(folder.path().join("again.safetensors")).unwrap().len(), bytes.len());

    // A file where the folder should be, and a device that is always full.
    let error = model.save(path.join("below.safetensors")).unwrap_err().to_string();
    assert!(error.contains("below.safetensors: cannot be written"), "{error}");
}

#[test]
fn damaged_files_are_refused_and_nothing_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let small = Architecture::new().named("conv", Conv2D::new(2, 3)).add(Flatten::new()).add(Dense::new(2));
    Model::new(small, InputSpec::new([5, 5, 1]), Seed(1)).unwrap().save(&path).unwrap();
    let good = std::fs::read(&path).unwrap();
    let classes = LayerClasses::builtin();
    let load = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Model::load(&path, &classes)
    };
    for length in [0, 4, 8, 100, good.len() / 2, good.len() - 1] {
        let error = load(&good[..length]).unwrap_err().to_string();
        assert!(error.contains("model.safetensors: "), "{error}");
    }
    let mut longer = good.clone();
    longer.extend([0; 16]);
    load(&longer).unwrap_err();
    load(&[0xff; 64]).unwrap_err();
    assert!(Model::load(folder.path(), &classes).unwrap_err().to_string().contains("is not a file"));
    assert!(
        Model::load(folder.path().join("absent"), &classes)
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
    // Deterministic damage anywhere in the header: an error or, where a name or number stays sensible, a model.
    let header = 8 + u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    let mut stream = Seed(1).stream(Purpose::Check, 0, 0);
    for _ in 0..3_000 {
        let mut damaged = good.clone();
        for _ in 0..1 + stream.below(3) {
            let place = stream.below(header);
            damaged[place] = match stream.below(3) {
                0 => stream.bits() as u8,
                1 => b'0' + stream.below(10) as u8,
                _ => damaged[stream.below(header)],
            };
        }
        let _ = load(&damaged);
    }
    let text = String::from_utf8_lossy(&good[8..header]).into_owned();
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        let header = text.replacen(from, to, 1).into_bytes();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        bytes.extend(&good[8 + text.len()..]);
        bytes
    };
    let message = |from: &str, to: &str| load(&replaced(from, to)).unwrap_err().to_string();
    assert!(message("Conv2D", "Konv2D").contains("layers of class `Konv2D` are not known here"));
    assert!(message("\\\"version\\\":1", "\\\"version\\\":7").contains("format version 7"));
    assert!(message("\\\"filters\\\":2", "\\\"filters\\\":99999999999").contains("the number of filters"));
    assert!(message("\\\"filters\\\":2", "\\\"filters\\\":3").contains("was expected"));
    assert!(
        message("\\\"use_bias\\\":true", "\\\"use_bias\\\":false")
            .contains("tensors, but its architecture has")
    );
}

#[test]
fn dropout_keeps_its_share_and_is_the_same_in_every_batch() {
    let layer = Dropout::new(0.3);
    let drop = |pictures: &[u64]| {
        let x = Value::constant(Tensor::full([pictures.len(), 5_000], 1.0));
        let mut tape = Tape::new();
        let y = layer.forward(&mut Pass::alone(&mut tape, true, Seed(1), pictures), &[x], &[]).unwrap();
        y.into_tensor()
    };
    let three = drop(&[7, 8, 9]);
    let kept = three.data().iter().filter(|&&y| y != 0.0).count() as f64 / 15_000.0;
    assert!((kept - 0.7).abs() < 0.02, "{kept}");
    assert!(three.data().iter().all(|&y| y == 0.0 || (y - 1.0 / 0.7).abs() < 1e-6));
    assert_eq!(drop(&[8]).data(), three.rows(1..2).data());
    assert_ne!(three.rows(0..1).data(), three.rows(1..2).data());

    // Without numbers the place in the batch decides, whatever the slices.
    let model =
        Model::new(Architecture::new().add(Dropout::new(0.5)), InputSpec::new([1, 1, 64]), Seed(1)).unwrap();
    let request = Request { training: true, ..Request::predict() };
    let outputs = model.run(&mut Tape::new(), &Tensor::full([16, 1, 1, 64], 1.0), &request).unwrap();
    let dropped = outputs.logits.unwrap().into_tensor();
    for one in 0..16 {
        assert!((0..one).all(|other| dropped.rows(other..other + 1) != dropped.rows(one..one + 1)));
    }
}
