//! 5.1 and 5.1-dense: the digits convnet, and the dense network of chapter 2 beside it.

use super::{Cost, Experiment};
use crate::lab::{Lab, Training};
use crate::options::Profile;
use anyhow::Result;
use convnet_layers::{Architecture, Conv2D, Dense, Flatten, MaxPooling2D};

pub(crate) const CONVNET: Experiment = Experiment {
    id: "5.1",
    title: "The digits convnet on MNIST",
    needs: &[],
    book: &[("test_accuracy", [0.991, 0.993]), ("parameters", [93_322.0, 93_322.0])],
    note: "Keras on the same files, seeds 1 to 5: 0.9918, 0.9907, 0.9859, 0.9909, 0.9898, mean 0.9898. Runs differ by ±0.2 \
           points; the book prints one. The test digits are looked at after each epoch and never used to choose anything.",
    cost: |profile| Cost {
        convolution: CONVNET_FLOPS * TRAIN * epochs(profile),
        seconds: 1.0,
        mib: 25.0,
        ..Cost::default()
    },
    run: |lab| {
        let epochs = lab.pick(1, 2, 5);
        train(lab, convnet(), epochs, 64)
    },
};

pub(crate) const DENSE: Experiment = Experiment {
    id: "5.1-dense",
    title: "The dense network of chapter 2, for comparison",
    needs: &[],
    book: &[("test_accuracy", [0.978, 0.978])],
    note: "",
    cost: |profile| Cost {
        dense: DENSE_FLOPS * TRAIN * epochs(profile),
        seconds: 1.0,
        mib: 25.0,
        ..Cost::default()
    },
    run: |lab| {
        let epochs = lab.pick(1, 2, 5);
        train(lab, dense(), epochs, 128)
    },
};

/// The digits to train on.
pub(super) const TRAIN: f64 = 60_000.0;

/// Floating-point operations of a training step per picture: two per multiply-add, forward and both gradients (the
/// first layer has no gradient of its input).
pub(super) const CONVNET_FLOPS: f64 = 16.4e6;
const DENSE_FLOPS: f64 = 2.0 * (2.0 * 784.0 * 512.0 + 3.0 * 512.0 * 10.0);

fn epochs(profile: Profile) -> f64 {
    match profile {
        // One epoch of 2,000 digits.
        Profile::Smoke => 2_000.0 / TRAIN,
        Profile::Quick => 2.0,
        Profile::Book => 5.0,
    }
}

/// Listing 5.1 and 5.2 of the chapter: three convolutions, two poolings, two dense layers.
pub(crate) fn convnet() -> Architecture {
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

/// The network of section 2.1.
fn dense() -> Architecture {
    Architecture::new().add(Flatten::new()).add(Dense::new(512).relu()).add(Dense::new(10).softmax())
}

fn train(lab: &mut Lab, architecture: Architecture, epochs: usize, batch_size: usize) -> Result<()> {
    let (train, test) = lab.digits(usize::MAX);
    let id = lab.record.id.clone();
    let trained = lab.train(Training {
        name: &id,
        part: None,
        architecture,
        epochs,
        batch_size,
        train: &train,
        test: &test,
    })?;
    lab.metric("parameters", trained.model.summary().parameters() as f64);
    lab.judge(&trained, &test)
}
