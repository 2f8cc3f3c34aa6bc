//! A user's own operation and layer, from outside the crates that define the traits, in everything that ours take part in:
//! checked, built into models, saved, trained with any number of threads, frozen, tapped, interrupted and resumed.

use convnet::autograd;
use convnet::autograd::check::Check;
use convnet::cpu::{parallel, simd};
use convnet::prelude::*;
use convnet::tensor::{Purpose, Result};
use convnet::train::{Checkpoints, Outcome};
use std::sync::atomic::AtomicBool;

/// A user's own operation: the square.
#[derive(Clone, Copy)]
struct Square;

impl Operation for Square {
    type Saved = Option<Tensor>;

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        let x = inputs[0];
        let y = Tensor::from_fn(x.shape(), |i| x.data()[i] * x.data()[i]);
        Ok((y, wanted.any().then(|| x.clone())))
    }

    fn backward(&self, x: Self::Saved, mut gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        if let Some(x) = x {
            to.give(0, || {
                gradient.data_mut().iter_mut().zip(x.data()).for_each(|(dy, x)| *dy *= 2.0 * x);
                gradient
            });
        }
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let x = inputs[0];
        Tensor::from_fn(x.shape(), |i| x.data()[i] * x.data()[i])
    }
}

/// A user's own layer, with a setting and a weight.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct ScaledSquare {
    offset: f32,
}

impl Layer for ScaledSquare {
    const CLASS: &'static str = "ScaledSquare";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        match inputs {
            [input] if input.len() == 1 => Ok(*input),
            _ => Err("takes rows of numbers".into()),
        }
    }

    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        let (shape, initializer) = (inputs[0].with_first(inputs[0][0]), Initializer::GlorotUniform);
        vec![ParameterSpec { name: "scale", shape, initializer, role: Role::Weight }]
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], weights: &[Value]) -> Result<Value> {
        let y = pass.tape.apply(Square, &[&inputs[0]])?;
        let y = pass.tape.apply(autograd::operations::Dense::default(), &[&y, &weights[0]])?;
        pass.tape.apply(autograd::operations::Rescaling { scale: 1.0, offset: self.offset }, &[&y])
    }
}

fn random(shape: impl Into<Shape>, seed: u64) -> Tensor {
    let mut stream = Seed(seed).stream(Purpose::Check, 4, 0);
    Tensor::from_fn(shape, |_| stream.between(-1.0, 1.0))
}

/// A convnet with the own layer in its middle.
fn model() -> Model {
    let own = ScaledSquare { offset: 0.25 };
    let architecture = Architecture::new()
        .add(Conv2D::new(4, 3).relu())
        .add(MaxPooling2D::new(4))
        .add(Flatten::new())
        .add(own)
        .add(Dropout::new(0.25))
        .add(Dense::new(10).softmax());
    Model::new(architecture, InputSpec::new([28, 28, 1]), Seed(3)).unwrap()
}

fn classes() -> LayerClasses {
    LayerClasses::builtin().with::<ScaledSquare>()
}

fn settings() -> Fit {
    Fit { epochs: 2, batch_size: 40, ..Fit::new(Loss::sparse_categorical_crossentropy(), RmsProp::default()) }
}

fn trained(model: &mut Model, settings: &Fit, checkpoints: Option<&Checkpoints<'_>>) -> Outcome {
    let set = generated::digits(Seed(1), 150);
    fit(model, &set, Some(&set), settings, checkpoints, &mut Sinks::none()).unwrap()
}

fn bits(model: &Model) -> Vec<Vec<u32>> {
    let numbers = |tensor: &Tensor| tensor.data().iter().map(|number| number.to_bits()).collect();
    model.parameters().iter().map(|parameter| numbers(&parameter.value)).collect()
}

#[test]
fn both_are_checked_with_every_instruction_set() {
    for isa in simd::Isa::available() {
        simd::using(isa, || {
            let square = Check::new(vec![random([3, 4], 1)]).rows(&[0]);
            square.run(|tape, v, _| tape.apply(Square, &[&v[0]])).unwrap();
            let layer = Check::new(vec![random([3, 4], 2), random([4, 4], 3)]).rows(&[0]);
            layer
                .run(|tape, v, rows| {
                    let pictures: Vec<u64> = rows.map(|row| row as u64).collect();
                    let own = ScaledSquare { offset: 0.25 };
                    own.forward(&mut Pass::alone(tape, true, Seed(5), &pictures), &v[..1], &v[1..])
                })
                .unwrap();
        });
    }
}

#[test]
fn a_model_with_them_is_saved_and_loaded_by_who_knows_the_layer() {
    let model = model();
    let names: Vec<_> = model.architecture().names().collect();
    assert_eq!(names, ["conv2d", "max_pooling2d", "flatten", "scaled_square", "dropout", "dense"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.safetensors");
    model.save(&path).unwrap();
    let error = Model::load(&path, &LayerClasses::builtin()).unwrap_err().to_string();
    assert!(error.contains("LayerClasses::builtin().with::<ScaledSquare>()"), "{error}");
    let loaded = Model::load(&path, &classes()).unwrap();
    let x = random([9, 28, 28, 1], 4);
    assert_eq!(loaded.predict(&x).unwrap(), model.predict(&x).unwrap());
}

#[test]
fn training_learns_and_gives_the_same_bits_with_any_number_of_threads() {
    let train = |threads| {
        let mut model = model();
        let outcome = parallel::install(threads, || trained(&mut model, &settings(), None)).unwrap();
        let rows = &outcome.history.rows;
        assert!(rows[1].train_loss < rows[0].train_loss, "{rows:?}");
        bits(&model)
    };
    let once = train(1);
    let own =
        model().parameters().iter().position(|parameter| parameter.path == "scaled_square/scale").unwrap();
    assert_ne!(once[own], bits(&model())[own], "its weight learns");
    for threads in [1, 2, 3, 8] {
        assert!(train(threads) == once, "{threads} threads");
    }
}

#[test]
fn its_weights_freeze_and_its_output_is_tapped_with_its_gradient() {
    let mut model = model();
    model.freeze("scaled_square").unwrap();
    let before = model.parameter("scaled_square/scale").unwrap().value.clone();
    trained(&mut model, &settings(), None);
    assert_eq!(model.parameter("scaled_square/scale").unwrap().value, before);

    let mut tape = Tape::new();
    let request = Request::taps([Tap::with_gradient("scaled_square")]);
    let outputs = model.run(&mut tape, &random([5, 28, 28, 1], 6), &request).unwrap();
    let tapped = &outputs.taps[0];
    let width = model.parameter("scaled_square/scale").unwrap().value.shape()[1];
    assert_eq!(tapped.shape(), [5, width].into());
    let logits = outputs.logits.unwrap();
    let mut gradients = Vec::new();
    tape.backward(&[(&logits, Tensor::full(logits.shape(), 1.0))], |_, gradient| {
        gradients.push(gradient.shape());
        Ok(())
    })
    .unwrap();
    assert!(gradients.contains(&tapped.shape()), "{gradients:?}");
}

#[test]
fn an_interrupted_training_resumes_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint.safetensors");
    let mut undisturbed = model();
    trained(&mut undisturbed, &settings(), None);

    // Stopped after its first step, as by Ctrl-C.
    let stop = AtomicBool::new(true);
    let checkpoints = Checkpoints { file, stop: Some(&stop), ..Checkpoints::default() };
    let mut first = model();
    trained(&mut first, &settings(), Some(&checkpoints));
    assert!(bits(&first) != bits(&undisturbed));
    let mut second = Model::new(first.architecture().clone(), first.input().clone(), Seed(77)).unwrap();
    trained(&mut second, &settings(), Some(&Checkpoints { resume: true, stop: None, ..checkpoints }));
    assert!(bits(&second) == bits(&undisturbed));
}
