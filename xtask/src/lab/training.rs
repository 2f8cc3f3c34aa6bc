//! Training in the lab: with progress, checkpoints, and what every trained classifier shows of itself.

use super::Lab;
use crate::exit::Interrupted;
use crate::options::Profile;
use anyhow::{Result, bail};
use convnet_data::Dataset;
use convnet_layers::{Architecture, InputSpec, Model};
use convnet_report::{Picture, Progress, chart, words};
use convnet_tensor::Seed;
use convnet_train::sinks::TerminateOnNaN;
use convnet_train::{
    Checkpoints, Ending, Evaluation, Event, Fit, Loss, Sinks, Stop, evaluate, fit, worst_mistakes,
};
use std::collections::BTreeMap;
use std::io::Stderr;
use std::ops::ControlFlow;
use std::time::Instant;

/// Pictures that are looked at together when nothing is learned: enough small ones to keep threads busy, and of large ones
/// no more than memory likes.
fn evaluation_batch(set: &Dataset) -> usize {
    const NUMBERS: usize = 200 * 28 * 28;
    (NUMBERS / set.picture_shape().size().max(1)).clamp(20, 200)
}

/// How many mistakes the report shows.
const MISTAKES: usize = 12;

/// One training of an experiment: with the pictures and the seed, all that decides its outcome.
pub(crate) struct Recipe {
    /// Names its files and its progress.
    pub(crate) name: &'static str,
    /// Tells it from other trainings of the experiment.
    pub(crate) part: Option<&'static str>,
    pub(crate) architecture: Architecture,
    /// All settings; the seed is the lab's, whatever stands here.
    pub(crate) fit: Fit,
    /// How long the book trains.
    pub(crate) book: Length,
}

/// How long a training is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length {
    pub(crate) epochs: usize,
    /// Pictures in each epoch.
    pub(crate) pictures: usize,
}

impl Length {
    /// What a shorter training lacks, in a sentence; `None` for one of the book's length.
    fn short_of(self, book: Length) -> Option<String> {
        (self != book).then(|| {
            format!(
                "Trained for {} of {}; the book for {} of {}.",
                words::counted(self.epochs as u64, "epoch"),
                words::counted(self.pictures as u64, "picture"),
                book.epochs,
                words::count(book.pictures as u64)
            )
        })
    }
}

impl Recipe {
    /// The settings with the seed of a run.
    pub(crate) fn fit(&self, seed: Seed) -> Fit {
        Fit { seed: seed.0, ..self.fit.clone() }
    }

    /// All of it as text: equal texts, equal trainings.
    pub(crate) fn settings(&self, seed: Seed) -> String {
        let fit = serde_json::json!(self.fit(seed));
        format!("{:?} {fit}", self.architecture)
    }

    /// The model before its training, for pictures of this shape and these classes.
    ///
    /// # Errors
    /// When the architecture does not fit the pictures.
    pub(crate) fn model(&self, pictures: &Dataset, seed: Seed) -> Result<Model> {
        let shape = pictures.picture_shape();
        let input =
            InputSpec::new([shape[0], shape[1], shape[2]]).classes(pictures.classes().iter().cloned());
        Ok(Model::new(self.architecture.clone(), input, seed)?)
    }
}

/// The pictures that each epoch is measured on.
pub(crate) struct Validation<'a> {
    pub(crate) set: &'a Dataset,
    /// What readers call it: section 5.1 has no validation set, it looks at the test digits and chooses nothing by them.
    pub(crate) name: &'static str,
}

/// What came of it.
pub(crate) struct Trained {
    pub(crate) model: Model,
    pub(crate) loss: Loss,
    /// Training alone, without evaluation and checkpoints; `None` where an earlier run has done all of it.
    pub(crate) images_per_second: Option<f64>,
    /// `None` where only the last part of the training was done in this run.
    pub(crate) seconds: Option<f64>,
}

impl Lab {
    /// Trains, keeps the model and its history.
    ///
    /// # Errors
    /// When training fails, NaN arises (with the layer where it did), or Ctrl-C came.
    pub(crate) fn train(
        &mut self,
        recipe: &Recipe,
        train: &Dataset,
        validation: Validation<'_>,
    ) -> Result<Trained> {
        let settings = recipe.fit(self.seed);
        let Recipe { name, part, .. } = *recipe;
        let mut model = recipe.model(train, self.seed)?;
        let checkpoint = self.out.join("models").join(format!("{name}.checkpoint.safetensors"));
        let checkpoints = Checkpoints {
            file: checkpoint.clone(),
            // Every few seconds on the digits, once an epoch on the larger pictures; in the smoke run often enough to be tried.
            every_steps: Some(self.pick(5, 500, 500)),
            resume: self.resume,
            stop: Some(self.interrupted),
        };
        let steps = settings.steps_per_epoch;
        let pictures = steps.map_or(train.len(), |steps| steps * settings.batch_size);
        if self.profile != Profile::Book {
            let length = Length { epochs: settings.epochs, pictures };
            length.short_of(recipe.book).iter().for_each(|sentence| self.note(sentence));
        }
        let mut watch = Watch::new(&mut self.progress, name, pictures, settings.batch_size, validation.name);
        let mut finite = TerminateOnNaN;
        let started = Instant::now();
        let mut sinks = Sinks::none().and(&mut watch).and(&mut finite);
        let outcome =
            fit(&mut model, train, Some(validation.set), &settings, Some(&checkpoints), &mut sinks)?;
        let (images_per_second, resumed) = (watch.images_per_second(), watch.resumed);
        self.progress.finish();
        if resumed {
            // Time of a part says nothing about the whole.
            self.record.predicted_seconds = None;
            self.note("Resumed after an interruption: the time counts only what the last run did.");
        }
        match outcome.ending {
            Ending::Finished => {}
            Ending::Stopped(Stop { reason }) => bail!("training stopped: {reason}"),
            Ending::Interrupted { checkpoint } => {
                bail!(Interrupted(format!("interrupted; checkpoint: {}", checkpoint.display())))
            }
        }
        self.record.validation_name = Some(validation.name.into());
        for (series, values) in outcome.history.series() {
            let name = part.map_or(series.to_string(), |part| format!("{part}/{series}"));
            self.record.history.insert(name, values);
        }
        let file = self.model_path(name);
        model.save(&file)?;
        self.models.push(file);
        // With it the training is taken over, done as it is, should the rest of the experiment be interrupted.
        self.checkpoints.push(checkpoint);
        let seconds = (!resumed).then(|| started.elapsed().as_secs_f64());
        Ok(Trained { model, loss: settings.loss, images_per_second, seconds })
    }

    /// Writes how fast a training was, where this run has seen it.
    pub(crate) fn rate(&mut self, name: impl Into<String>, trained: &Trained) {
        if let Some(rate) = trained.images_per_second {
            self.metric(name, rate);
        }
    }

    /// Measures a model.
    ///
    /// # Errors
    /// When the pictures do not fit it.
    pub(crate) fn evaluate(&mut self, model: &Model, loss: Loss, set: &Dataset) -> Result<Evaluation> {
        Ok(evaluate(model, set, loss, evaluation_batch(set))?)
    }

    /// Writes what every trained classifier shows of itself: accuracy, loss, rate, learning curves, confusion matrix,
    /// accuracy per class, worst mistakes. Where an experiment trains several, `part` is the recipe's: it begins the names of
    /// all of it, and the experiment draws their accuracies per class side by side.
    ///
    /// # Errors
    /// When a figure cannot be written.
    pub(crate) fn judge(
        &mut self,
        trained: &Trained,
        test: &Dataset,
        part: Option<&'static str>,
    ) -> Result<Evaluation> {
        let evaluation = self.evaluate(&trained.model, trained.loss, test)?;
        let names = Names { part };
        let history = names.history(&self.record.history);
        self.metric(names.metric("test_accuracy"), evaluation.accuracy);
        self.metric(names.metric("test_loss"), evaluation.loss);
        self.rate(names.metric("images_per_second"), trained);
        if let Some(&accuracy) = history.get("train_accuracy").and_then(|series| series.last()) {
            self.metric(names.metric("train_accuracy"), accuracy);
        }
        let validation = self.record.validation_name.clone().unwrap_or_default();
        let classes = test.classes();
        let title = part.map(|part| part.replace('-', " ")).or(self.record.title.clone()).unwrap_or_default();
        // The page draws these itself; as files they can be used elsewhere.
        for (what, svg) in chart::learning_curves_of(&title, &history, &validation) {
            self.save_figure(&names.file(&format!("{what}.svg")), svg.as_bytes())?;
        }
        let counts: Vec<u64> = evaluation.confusion.counts.iter().flatten().copied().collect();
        if let Some(matrix) = chart::confusion_matrix(&names.title("Confusion matrix"), classes, &counts) {
            let said = most_confused(&evaluation, classes);
            self.figure(&names.file("confusion.svg"), &said, matrix.as_bytes())?;
        }
        if part.is_none() {
            let accuracies = [("test".into(), per_class(&evaluation))];
            let bars = chart::grouped_bars("Accuracy per class", true, classes, &accuracies);
            self.figure("per-class.svg", "The share of each class that is recognised.", bars.as_bytes())?;
        }
        let mistakes = worst_mistakes(&evaluation.probabilities, test.labels(), MISTAKES);
        if !mistakes.is_empty() {
            let mut pictures = Vec::new();
            for mistake in &mistakes {
                let words = format!(
                    "{}, taken for {} ({:.0}\u{a0}%)",
                    classes[mistake.label as usize],
                    classes[mistake.predicted as usize],
                    mistake.probability * 100.0
                );
                pictures.push((picture(test, mistake.picture)?, words));
            }
            let gallery = chart::gallery(&names.title("Worst mistakes"), &pictures, 4, 84.0)?;
            let caption = "The test pictures that the network got wrong while being most sure.";
            self.figure(&names.file("mistakes.svg"), caption, gallery.as_bytes())?;
        }
        Ok(evaluation)
    }
}

/// What the findings of a training are called: of one of several, by its part.
struct Names {
    part: Option<&'static str>,
}

impl Names {
    fn metric(&self, what: &str) -> String {
        self.part.map_or(what.into(), |part| format!("{}_{what}", part.replace('-', "_")))
    }

    fn file(&self, name: &str) -> String {
        self.part.map_or(name.into(), |part| format!("{part}-{name}"))
    }

    fn title(&self, title: &str) -> String {
        self.part.map_or(title.into(), |part| format!("{title}, {}", part.replace('-', " ")))
    }

    /// Its own series of an experiment's history.
    fn history(&self, all: &BTreeMap<String, Vec<f64>>) -> BTreeMap<String, Vec<f64>> {
        let prefix = self.part.map_or(String::new(), |part| format!("{part}/"));
        let own =
            |(name, values): (&String, &Vec<f64>)| Some((name.strip_prefix(&prefix)?.into(), values.clone()));
        all.iter().filter_map(own).collect()
    }
}

/// The accuracy of each class; of a class without pictures 0.
pub(crate) fn per_class(evaluation: &Evaluation) -> Vec<f64> {
    evaluation.confusion.per_class().into_iter().map(|accuracy| accuracy.unwrap_or(0.0)).collect()
}

fn most_confused(evaluation: &Evaluation, classes: &[String]) -> String {
    let pairs: Vec<_> = evaluation
        .confusion
        .most_confused(2)
        .iter()
        .map(|pair| {
            let (label, predicted) = (&classes[pair.label as usize], &classes[pair.predicted as usize]);
            format!("{label} for {predicted} ({} times)", pair.count)
        })
        .collect();
    match pairs.is_empty() {
        true => "Every test picture was recognised.".into(),
        false => format!(
            "Rows are true classes, columns the network's answers; most often it took {}.",
            pairs.join(" and ")
        ),
    }
}

/// A picture of a data set as it was stored.
pub(crate) fn picture(set: &Dataset, number: usize) -> Result<Picture> {
    let shape = set.picture_shape();
    Ok(Picture::new(shape[1], shape[0], shape[2], set.picture(number)?.data().to_vec())?)
}

/// Shows a training as progress and measures its rate.
struct Watch<'a> {
    progress: &'a mut Progress<Stderr>,
    name: &'a str,
    pictures: usize,
    batch_size: usize,
    validation: &'static str,
    epochs: usize,
    epoch: usize,
    /// Whether an earlier run has done a part.
    resumed: bool,
    /// Pictures of the epoch under way that an earlier run has seen.
    before: u64,
    shown: u64,
    last: Option<(Instant, u64)>,
    measured: (f64, u64),
}

impl<'a> Watch<'a> {
    fn new(
        progress: &'a mut Progress<Stderr>,
        name: &'a str,
        pictures: usize,
        batch_size: usize,
        validation: &'static str,
    ) -> Self {
        Watch {
            progress,
            name,
            pictures,
            batch_size,
            validation,
            epochs: 0,
            epoch: 0,
            resumed: false,
            before: 0,
            shown: 0,
            last: None,
            measured: (0.0, 0),
        }
    }

    /// Pictures per second between steps that followed each other; `None` if none did.
    fn images_per_second(&self) -> Option<f64> {
        let (seconds, pictures) = self.measured;
        (seconds > 0.0).then(|| pictures as f64 / seconds)
    }
}

impl convnet_train::Sink for Watch<'_> {
    fn event(&mut self, event: &Event<'_>) -> convnet_train::Result<ControlFlow<Stop>> {
        match *event {
            Event::Start { epochs, past, done, steps, .. } => {
                self.epochs = epochs;
                self.resumed = done > 0 || !past.rows.is_empty();
                self.before = (done * self.batch_size).min(self.pictures) as u64;
                let done_before = match past.rows.len() {
                    all if all == epochs => format!("taken over; all {epochs} epochs were done before"),
                    rows => {
                        format!("goes on; done before: {rows} of {epochs} epochs, {done} of {steps} steps")
                    }
                };
                if self.resumed {
                    self.progress.say(&format!("{}  {done_before}", self.name));
                }
            }
            Event::Step { epoch, pictures, loss, accuracy, .. } => {
                if epoch != self.epoch {
                    (self.epoch, self.last) = (epoch, None);
                    self.shown = std::mem::take(&mut self.before);
                    let phase = format!("{}  epoch {epoch}/{}", self.name, self.epochs);
                    self.progress.start(&phase, self.pictures as u64, "pictures");
                    self.progress.skip(self.shown);
                }
                let now = Instant::now();
                if let Some((then, before)) = self.last {
                    self.measured.0 += (now - then).as_secs_f64();
                    self.measured.1 += pictures - before;
                }
                self.last = Some((now, pictures));
                self.progress
                    .note(&format!("loss {loss:.4}, accuracy {}", words::metric("accuracy", accuracy)));
                self.progress.advance(pictures.saturating_sub(self.shown));
                self.shown = pictures;
            }
            Event::Epoch { row, .. } => {
                let percent = |value: f64| words::metric("accuracy", value);
                let measured = row
                    .val_accuracy
                    .map_or(String::new(), |value| format!(", {} {}", self.validation, percent(value)));
                let trained = percent(row.train_accuracy);
                self.progress.note(&format!("loss {:.4}, accuracy {trained}{measured}", row.train_loss));
                self.progress.finish();
                self.last = None;
            }
            Event::Checkpoint { .. } => self.last = None,
            Event::Advice { advice } => self.progress.say(&format!("{}  note: {advice}", self.name)),
            Event::NotFinite { cause, .. } => self.progress.say(&format!("{}  {cause}", self.name)),
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_training_is_told() {
        let book = Length { epochs: 5, pictures: 60_000 };
        let smoke = Length { epochs: 1, pictures: 2_000 };
        let said = smoke.short_of(book).unwrap();
        assert_eq!(said, "Trained for 1 epoch of 2,000 pictures; the book for 5 of 60,000.");
        assert_eq!(book.short_of(book), None);
    }

    #[test]
    fn findings_of_parts_keep_apart() {
        let (whole, part) = (Names { part: None }, Names { part: Some("with-pooling") });
        assert_eq!((whole.metric("test_loss"), whole.file("a.svg")), ("test_loss".into(), "a.svg".into()));
        assert_eq!(part.metric("test_loss"), "with_pooling_test_loss");
        assert_eq!(part.file("a.svg"), "with-pooling-a.svg");
        assert_eq!(part.title("Mistakes"), "Mistakes, with pooling");
        let all = ["with-pooling/val_loss", "without-pooling/val_loss"].map(|name| (name.into(), vec![1.0]));
        let own = part.history(&all.into());
        assert_eq!(own.keys().collect::<Vec<_>>(), ["val_loss"]);
    }
}
