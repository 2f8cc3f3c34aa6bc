//! 5.1.2: what max-pooling is for – receptive fields, coefficients, and the accuracy with and without it.

use super::digits::{CONVNET_FLOPS, convnet};
use super::{Cost, Experiment};
use crate::lab::{Lab, Training};
use crate::options::Profile;
use anyhow::Result;
use convnet_layers::{Architecture, Conv2D, Dense, Flatten};
use convnet_report::chart;

pub(crate) const POOLING: Experiment = Experiment {
    id: "5.1.2",
    title: "Max-pooling: with and without it",
    needs: &[],
    book: &[("without_pooling_coefficients", [30_976.0, 30_976.0])],
    note: "Both networks have the same head (dense 64, dense 10) and see the same digits in the same order. Without pooling the \
           last convolution sees only 7×7 pixels of the picture, and the head gets 30,976 numbers instead of 576.",
    cost: |profile| Cost {
        convolution: (CONVNET_FLOPS + WITHOUT_FLOPS) * digits_seen(profile),
        dense: 6.0 * 30_976.0 * 64.0 * digits_seen(profile),
        seconds: 1.0,
        mib: 170.0,
    },
    run,
};

/// Floating-point operations of a training step per picture, as for the network with pooling: 57 million forward in the
/// convolutions, three times that less the gradient of the pictures.
const WITHOUT_FLOPS: f64 = 3.0 * 57.0e6 - 2.0 * 26.0 * 26.0 * 32.0 * 9.0;

/// Digits and epochs by profile.
fn settings(profile: Profile) -> (usize, usize) {
    match profile {
        Profile::Smoke => (640, 1),
        Profile::Quick => (10_000, 2),
        Profile::Book => (60_000, 5),
    }
}

fn digits_seen(profile: Profile) -> f64 {
    let (digits, epochs) = settings(profile);
    (digits * epochs) as f64
}

/// The three convolutions in a row.
fn without_pooling() -> Architecture {
    Architecture::new()
        .add(Conv2D::new(32, 3).relu())
        .add(Conv2D::new(64, 3).relu())
        .add(Conv2D::new(64, 3).relu())
        .add(Flatten::new())
        .add(Dense::new(64).relu())
        .add(Dense::new(10).softmax())
}

fn run(lab: &mut Lab) -> Result<()> {
    let (digits, epochs) = settings(lab.profile);
    let (train, test) = lab.digits(digits);
    let mut accuracies = Vec::new();
    for (part, architecture) in [("with-pooling", convnet()), ("without-pooling", without_pooling())] {
        let name = format!("5.1.2-{part}");
        let training = Training {
            name: &name,
            part: Some(part),
            architecture,
            epochs,
            batch_size: 64,
            train: &train,
            test: &test,
        };
        let trained = lab.train(training)?;
        let key = part.replace('-', "_");
        lab.metric(format!("{key}_parameters"), trained.model.summary().parameters() as f64);
        let flat = trained.model.layers().find(|(path, _)| *path == "flatten");
        lab.metric(format!("{key}_coefficients"), flat.map_or(0.0, |(_, shape)| shape.size() as f64));
        lab.metric(format!("{key}_images_per_second"), trained.images_per_second);
        lab.metric(format!("{key}_seconds"), trained.seconds);
        let evaluation = lab.evaluate(&trained.model, &test)?;
        lab.metric(format!("{key}_test_accuracy"), evaluation.accuracy);
        lab.metric(format!("{key}_receptive_field"), receptive_field(part == "with-pooling"));
        accuracies.push((part.replace('-', " "), evaluation.per_class()));
    }
    let classes = test.classes().to_vec();
    let bars = chart::grouped_bars("Accuracy on test digits", true, &classes, &accuracies);
    lab.figure(
        "accuracy-per-class.svg",
        "Accuracy per digit with and without max-pooling: pooling costs no accuracy, and the network is 22 times smaller.",
        bars.as_bytes(),
    )
}

/// How many pixels of the picture, along one side, the last convolution sees: each convolution adds two of its own steps,
/// each pooling adds one and doubles the step.
fn receptive_field(pooled: bool) -> f64 {
    let (mut field, mut step) = (1.0, 1.0);
    for layer in 0..3 {
        field += 2.0 * step;
        if pooled && layer < 2 {
            field += step;
            step *= 2.0;
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_layers::{InputSpec, Model};
    use convnet_tensor::Seed;

    #[test]
    fn figures_are_those_of_the_chapter() {
        let model = Model::new(without_pooling(), InputSpec::new([28, 28, 1]), Seed(1)).unwrap();
        assert_eq!(model.summary().parameters(), 2_038_922);
        assert_eq!(receptive_field(false), 7.0);
        assert_eq!(receptive_field(true), 18.0);
    }
}
