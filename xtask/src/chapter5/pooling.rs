//! 5.1.2: what max-pooling is for – receptive fields, coefficients, and the accuracy with and without it.

use super::digits::{self, CONVNET_FLOPS, convnet};
use super::{Cost, Experiment, Pretrained};
use crate::lab::{Data, Lab, Recipe, per_class};
use crate::options::Profile;
use anyhow::Result;
use convnet_layers::{Architecture, Conv2D, Dense, Flatten, Model};
use convnet_report::{chart, words};

pub(crate) const POOLING: Experiment = Experiment {
    id: "5.1.2",
    title: "Max-pooling: with and without it",
    needs: &[],
    data: Some(Data::Digits),
    base: Pretrained::No,
    book_only: false,
    book: &[("without_pooling_coefficients", [30_976.0, 30_976.0])],
    note: "Both networks have the same head (dense 64, dense 10) and see the same digits in the same order. Without pooling the \
           last convolution sees only 7×7 pixels of the picture, and the head gets 30,976 numbers instead of 576.",
    settings: |lab| {
        let trainings = recipes(lab.profile).map(|recipe| recipe.settings(lab.seed));
        format!("{} digits, {}", settings(lab.profile).0, trainings.join(", "))
    },
    cost: |profile, _| Cost {
        convolution: (CONVNET_FLOPS + WITHOUT_FLOPS) * digits_seen(profile),
        dense: 6.0 * 30_976.0 * 64.0 * digits_seen(profile),
        seconds: 1.0,
        mib: 150.0,
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

/// The two trainings, which differ in nothing but the pooling.
fn recipes(profile: Profile) -> [Recipe; 2] {
    let (_, epochs) = settings(profile);
    let recipe = |name, part, architecture| Recipe {
        name,
        part: Some(part),
        architecture,
        fit: digits::settings(epochs, 64),
        book: digits::BOOK,
    };
    [
        recipe("5.1.2-with-pooling", "with-pooling", convnet()),
        recipe("5.1.2-without-pooling", "without-pooling", without_pooling()),
    ]
}

fn run(lab: &mut Lab) -> Result<()> {
    let (digits, _) = settings(lab.profile);
    let (train, test) = lab.digits(digits);
    let mut per_digit = Vec::new();
    let mut found = Vec::new();
    for recipe in recipes(lab.profile) {
        let part = recipe.part.unwrap_or_default();
        let trained = lab.train(&recipe, &train, digits::watched(&test))?;
        let key = part.replace('-', "_");
        let parameters = trained.model.summary().parameters() as f64;
        lab.metric(format!("{key}_parameters"), parameters);
        let flat = trained.model.layers().find(|(path, _)| *path == "flatten");
        lab.metric(format!("{key}_coefficients"), flat.map_or(0.0, |(_, shape)| shape.size() as f64));
        if let Some(seconds) = trained.seconds {
            lab.metric(format!("{key}_seconds"), seconds);
        }
        let evaluation = lab.judge(&trained, &test, recipe.part)?;
        lab.metric(format!("{key}_receptive_field"), receptive_field(&trained.model)?);
        per_digit.push((part.replace('-', " "), per_class(&evaluation)));
        found.push((evaluation.accuracy, parameters));
    }
    let bars = chart::grouped_bars("Accuracy on test digits", true, test.classes(), &per_digit);
    lab.figure("accuracy-per-class.svg", &caption(found[0], found[1]), bars.as_bytes())
}

/// What was found with and without pooling, accuracy and parameters, in words.
fn caption(with: (f64, f64), without: (f64, f64)) -> String {
    let percent = |accuracy| words::metric("accuracy", accuracy);
    format!(
        "Accuracy per digit. Over all test digits: with pooling {}, without {}; the network with pooling has {:.0} times fewer \
         parameters.",
        percent(with.0),
        percent(without.0),
        without.1 / with.1
    )
}

/// How many pixels of the picture, along one side, the last convolution sees in its middle, where no border cuts them.
fn receptive_field(model: &Model) -> Result<f64> {
    const LAST: &str = "conv2d_2";
    let maps = model.layers().find(|(path, _)| *path == LAST);
    let middle = maps.map_or([0, 0], |(_, shape)| [shape[0] / 2, shape[1] / 2]);
    Ok(model.receptive_field(LAST, middle)?.size()[0] as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_layers::InputSpec;
    use convnet_tensor::Seed;

    #[test]
    fn figures_are_those_of_the_chapter() {
        let model = Model::new(without_pooling(), InputSpec::new([28, 28, 1]), Seed(1)).unwrap();
        assert_eq!(model.summary().parameters(), 2_038_922);
        assert_eq!(receptive_field(&model).unwrap(), 7.0);
        let model = Model::new(convnet(), InputSpec::new([28, 28, 1]), Seed(1)).unwrap();
        assert_eq!(receptive_field(&model).unwrap(), 18.0);
    }

    #[test]
    fn the_caption_tells_what_was_measured() {
        let said = caption((0.5, 93_322.0), (0.75, 2_038_922.0));
        assert!(said.contains("with pooling 50.00 %, without 75.00 %"), "{said}");
        assert!(said.contains("22 times fewer"), "{said}");
    }
}
