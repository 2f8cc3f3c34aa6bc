//! Section 5.2: cats against dogs from 2,000 pictures.

mod augmented;
mod dataset;
mod scratch;
mod shown;

pub(crate) use augmented::AUGMENTED;
pub(crate) use dataset::DATASET;
pub(crate) use scratch::FROM_SCRATCH;
pub(crate) use shown::SHOWN;

use crate::chapter5::Cost;
use crate::lab::{Lab, Length, Recipe};
use crate::options::Profile;
use anyhow::Result;
use convnet_layers::{Architecture, Conv2D, Dense, Dropout, Flatten, MaxPooling2D};
use convnet_report::chart::{StripChart, StripRow};
use convnet_report::words;
use convnet_train::optimizers::RmsProp;
use convnet_train::{Fit, Loss};

/// Floating-point operations per picture of 150×150, two per multiply-add: of a training step (forward and both gradients; the
/// first layer has no gradient of its input), and of a forward pass.
const TRAINING_FLOPS: f64 = 1_379e6;
const FORWARD_FLOPS: f64 = 472e6;

/// The convnet of section 5.2 for pictures of 150×150: 3,453,121 parameters. The regularised version drops half of what the
/// convolutions have found.
pub(crate) fn convnet(regularised: bool) -> Architecture {
    let mut network = Architecture::new();
    for filters in [32, 64, 128, 128] {
        network = network.add(Conv2D::new(filters, 3).relu()).add(MaxPooling2D::new(2));
    }
    network = network.add(Flatten::new());
    if regularised {
        network = network.add(Dropout::new(0.5));
    }
    network.add(Dense::new(512).relu()).add(Dense::new(1).sigmoid())
}

/// How long an experiment trains: epochs, steps in each, pictures in a step; and how fast it learns.
#[derive(Clone, Copy)]
struct Span {
    epochs: usize,
    steps: usize,
    batch: usize,
    rate: f64,
}

/// The learning rate of the section.
const RATE: f64 = 1e-4;

/// That of profile `quick`, whose fewer epochs then go about as far.
const QUICK_RATE: f64 = 3e-4;

impl Span {
    /// The settings of the section: RMSprop, binary cross-entropy.
    fn fit(self) -> Fit {
        let optimizer = RmsProp { learning_rate: self.rate, ..RmsProp::default() };
        Fit {
            epochs: self.epochs,
            batch_size: self.batch,
            steps_per_epoch: Some(self.steps),
            ..Fit::new(Loss::binary_crossentropy(), optimizer)
        }
    }

    /// What training, and measuring `validation` pictures after each epoch, cost.
    fn cost(self, profile: Profile) -> Cost {
        let validation = if profile == Profile::Smoke { 40.0 } else { 1_000.0 };
        let seen = (self.epochs * self.steps * self.batch) as f64;
        let looked_at = (self.epochs + 1) as f64 * validation;
        Cost {
            convolution: (TRAINING_FLOPS * seen + FORWARD_FLOPS * looked_at) * WINOGRAD,
            seconds: 1.0,
            mib: 200.0,
            ..Cost::default()
        }
    }

    /// How long that is.
    fn length(self) -> Length {
        Length { epochs: self.epochs, pictures: self.steps * self.batch }
    }

    /// That it learns at another rate than the chapter, in a sentence.
    fn faster(self) -> Option<String> {
        (self.rate != RATE).then(|| {
            format!(
                "The learning rate is {:.0e}, {:.0} times the chapter's, so that fewer epochs go about as far.",
                self.rate,
                self.rate / RATE
            )
        })
    }

    /// How often an epoch goes through the training pictures, in words.
    fn passes(self, pictures: usize) -> String {
        let seen = self.steps * self.batch;
        format!(
            "{} steps of {} are {} pictures: {:.1} passes through the {} training pictures per epoch.",
            self.steps,
            self.batch,
            words::count(seen as u64),
            seen as f64 / pictures as f64,
            words::count(pictures as u64)
        )
    }
}

/// How far training and validation came apart, accuracies epoch by epoch, in sentences; `None` where nothing was measured.
fn apart(training: &[f64], validation: &[f64]) -> Option<String> {
    let (&trained, &validated) = (training.last()?, validation.last()?);
    let percent = |accuracy| words::metric("accuracy", accuracy);
    let points = (trained - validated) * 100.0;
    let side = if points < 0.0 { "above" } else { "below" };
    let said = format!(
        "Here, after {}, training accuracy is {}, and validation with {} {:.1} points {side}",
        words::counted(training.len() as u64, "epoch"),
        percent(trained),
        percent(validated),
        points.abs(),
    );
    let best = validation.iter().copied().fold(0.0, f64::max);
    let epoch = 1 + validation.iter().position(|&accuracy| accuracy == best)?;
    Some(match epoch == validation.len() {
        true => format!("{said}."),
        false => format!("{said}; it was best after epoch {epoch}, with {}.", percent(best)),
    })
}

/// What Winograd's algorithm saves here beside the share of the limit that the plan reckons with (Zen 3, 2 threads: training
/// reaches 0.98 of the limit counted in direct products).
const WINOGRAD: f64 = 0.82;

/// Trains, and writes what the section's trainings show of themselves.
fn train(lab: &mut Lab, recipe: &Recipe, span: Span, train: &convnet_data::Dataset) -> Result<()> {
    let (validation, test) = (lab.cats_dogs().validation.clone(), lab.cats_dogs().test.clone());
    lab.note(&span.passes(train.len()));
    span.faster().iter().for_each(|sentence| lab.note(sentence));
    let trained =
        lab.train(recipe, train, crate::lab::Validation { set: &validation, name: "validation" })?;
    let parameters = trained.model.summary().parameters() as f64;
    lab.metric("parameters", parameters);
    let of_the_book = lab.record.book.get("parameters").map(|&[_, count]| count);
    if let Some(of_the_book) = of_the_book.filter(|&count| count != parameters) {
        // It is of the book's own pictures: beside another it would look like a mistake.
        lab.record.book.remove("parameters");
        let [ours, theirs] = [parameters, of_the_book].map(|count| words::count(count as u64));
        lab.note(&format!(
            "The network has {ours} parameters; the book's has {theirs}, as its pictures are of 150×150 pixels and leave the dense \
             layer more to look at."
        ));
    }
    let series = |name: &str| lab.record.history.get(name).cloned().unwrap_or_default();
    let (training, curve) = (series("train_accuracy"), series("val_accuracy"));
    apart(&training, &curve).iter().for_each(|sentence| lab.note(sentence));
    if let Some(&last) = curve.last() {
        lab.metric("val_accuracy", last);
        lab.metric("best_val_accuracy", curve.iter().copied().fold(0.0, f64::max));
    }
    lab.judge(&trained, &test, None)?;
    Ok(())
}

/// What `docs/results` holds: several seeds of ours and what Keras found, for each experiment.
const SEEDS: &str = include_str!("../../../../docs/results/5.2-seeds.json");

/// Beside a training on the real pictures: what Keras finds, in words, and the book's figure as a point on the spread of several
/// runs, since a single one, anybody's, is one of many. Only where the pictures are those that all of them had.
fn compare(lab: &mut Lab, keras: Option<&str>) -> Result<()> {
    if lab.profile == Profile::Smoke || lab.cats_dogs().generated() {
        return Ok(());
    }
    let results: serde_json::Value = serde_json::from_str(SEEDS)?;
    if results["pictures"].as_str() != Some(&lab.cats_dogs().fingerprint()) {
        lab.note(
            "These are not, bit for bit, the pictures that Keras and our other seeds had, so that their figures do not stand \
             here.",
        );
        return Ok(());
    }
    keras.into_iter().for_each(|found| lab.note(found));
    let mut rows = found_before(&results, &lab.record.id);
    let accuracy = lab.record.metrics.get(METRIC).copied().unwrap_or(f64::NAN);
    rows.push(StripRow { name: format!("this run ({})", lab.profile.word()), values: vec![accuracy] });
    let chart = StripChart {
        title: "One run is one of many".into(),
        x_label: "best accuracy on the 1,000 validation pictures".into(),
        percent: true,
        rows,
        book: lab.record.book.get(METRIC).copied(),
    };
    let caption = "Each point is one training on the real pictures; the book prints the figure of one.";
    lab.figure("spread.svg", caption, chart.svg().as_bytes())
}

const METRIC: &str = "best_val_accuracy";

/// What runs of ours and of Keras have found in experiment `id`, with the seeds that they had.
fn found_before(results: &serde_json::Value, id: &str) -> Vec<StripRow> {
    let row = |whose: &str, runs: &serde_json::Value| {
        let runs = runs.as_array().into_iter().flatten();
        let found =
            runs.filter_map(|run| Some((run["seed"].as_u64()?, run[id]["metrics"][METRIC].as_f64()?)));
        let (seeds, values): (Vec<_>, Vec<_>) = found.unzip();
        (!values.is_empty()).then(|| StripRow { name: format!("{whose}, {}", named(&seeds)), values })
    };
    [row("ours", &results["runs"]), row("Keras", &results["keras"])].into_iter().flatten().collect()
}

/// `seed 1`, `seeds 1–5`, `seeds 1, 3`.
fn named(seeds: &[u64]) -> String {
    match seeds {
        [seed] => format!("seed {seed}"),
        [first, .., last] if seeds.is_sorted_by(|a, b| a + 1 == *b) => format!("seeds {first}–{last}"),
        _ => format!("seeds {}", seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_layers::{InputSpec, Model};
    use convnet_tensor::Seed;

    #[test]
    fn parameters_are_those_of_the_chapter() {
        for regularised in [false, true] {
            let model = Model::new(convnet(regularised), InputSpec::new([150, 150, 3]), Seed(1)).unwrap();
            assert_eq!(model.summary().parameters(), 3_453_121);
        }
    }

    #[test]
    fn passes_are_told() {
        let span = Span { epochs: 1, steps: 100, batch: 32, rate: QUICK_RATE };
        assert!(span.passes(2_000).contains("3,200 pictures: 1.6 passes"), "{}", span.passes(2_000));
        assert!(span.faster().unwrap().contains("is 3e-4, 3 times the chapter's"), "{:?}", span.faster());
        assert_eq!(Span { rate: RATE, ..span }.faster(), None);
    }

    #[test]
    fn what_was_found_is_told_not_what_was_hoped() {
        let said = apart(&[0.6, 0.9, 0.98], &[0.6, 0.74, 0.71]).unwrap();
        assert!(said.contains("after 3 epochs, training accuracy is 98.00 %"), "{said}");
        assert!(
            said.contains(
                "validation with 71.00 % 27.0 points below; it was best after epoch 2, with 74.00 %"
            ),
            "{said}"
        );
        let said = apart(&[0.5], &[0.525]).unwrap();
        assert!(
            said.ends_with(
                "after 1 epoch, training accuracy is 50.00 %, and validation with 52.50 % 2.5 points above."
            ),
            "{said}"
        );
        assert_eq!(apart(&[], &[]), None);
    }

    #[test]
    fn rows_of_the_spread_name_their_seeds() {
        let run = |seed: u64, accuracy: f64| serde_json::json!({"seed": seed, "x": {"metrics": {METRIC: accuracy}}});
        let results =
            serde_json::json!({"runs": [run(1, 0.7), run(2, 0.72), run(3, 0.71)], "keras": [run(1, 0.69)]});
        let rows = found_before(&results, "x");
        let names: Vec<_> = rows.iter().map(|row| &*row.name).collect();
        assert_eq!(names, ["ours, seeds 1–3", "Keras, seed 1"]);
        assert_eq!(rows[0].values, [0.7, 0.72, 0.71]);
        assert!(found_before(&results, "y").is_empty());
        assert_eq!((named(&[1, 3]), named(&[4, 5])), ("seeds 1, 3".into(), "seeds 4–5".into()));
    }

    #[test]
    fn the_committed_results_have_a_row_for_the_section() {
        let rows = found_before(&serde_json::from_str(SEEDS).unwrap(), "5.2.4");
        assert!(rows.iter().any(|row| row.name.starts_with("ours, seed")), "{rows:?}");
    }
}
