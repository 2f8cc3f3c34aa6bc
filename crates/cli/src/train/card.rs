//! The model card: what a model was made of, how good it is, and where it errs.

use super::calibration::{Temperature, calibration_error, reliability};
use super::head::{BASE, CHANGED, Stage};
use super::pictures::Sets;
use crate::evaluate::{Figures, percent};
use crate::picture::{drawn, heated};
use anyhow::{Context, Result, bail};
use convnet_data::Dataset;
use convnet_layers::{InputSpec, Model};
use convnet_report::chart::{LineChart, Series, confusion_matrix, escape, gallery, learning_curves};
use convnet_report::words;
use convnet_tensor::{Filter, Fit, Pixels};
use convnet_train::{Evaluation, Mistake, worst_mistakes};
use convnet_visualize::heatmaps::{Cam, Method};
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What a card is made of.
pub(crate) struct Card<'a> {
    pub(crate) model: &'a Model,
    pub(crate) file: &'a Path,
    pub(crate) base: &'a str,
    pub(crate) sets: &'a Sets,
    /// The pictures that the figures are of, and their name.
    pub(crate) judged: &'a Dataset,
    pub(crate) name: &'a str,
    pub(crate) figures: &'a Figures,
    pub(crate) evaluation: &'a Evaluation,
    pub(crate) stages: &'a [Stage],
    pub(crate) not_begun: &'a [&'static str],
    pub(crate) temperature: Temperature,
    pub(crate) augment: &'a str,
    pub(crate) seed: u64,
    pub(crate) seconds: f64,
    pub(crate) with_pictures: bool,
}

/// Mistakes that are shown.
const MISTAKES: usize = 12;

/// Pairs of classes that are listed where they are too many for a matrix.
const MIXED_UP: usize = 20;

/// What every card says near its beginning.
const MADE_BY: &str = " by convnet ";

/// That nothing lies at `page`, or an older card: another page is not for us to replace.
///
/// # Errors
/// When there is something else.
pub(crate) fn replaceable(page: &Path) -> Result<()> {
    const BEGINNING: u64 = 1 << 14;
    let Ok(file) = File::open(page) else { return Ok(()) };
    let mut beginning = Vec::new();
    let what = || format!("{}, where the model's card would go", page.display());
    file.take(BEGINNING).read_to_end(&mut beginning).with_context(what)?;
    if !String::from_utf8_lossy(&beginning).contains(MADE_BY) {
        bail!(
            "{} is no model's card, and a card would take its place; give --out another name",
            page.display()
        );
    }
    Ok(())
}

impl Card<'_> {
    /// The card as one HTML page that needs nothing else.
    ///
    /// # Errors
    /// When a picture cannot be read again or drawn.
    pub(crate) fn html(&self) -> Result<String> {
        let title = self.file.file_stem().map_or("model".into(), |name| name.to_string_lossy());
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\
             <title>{0}</title><style>{1}</style></head><body><h1>{0}</h1>",
            escape(&title),
            include_str!("card.css")
        );
        self.head(&mut page)?;
        self.pictures(&mut page)?;
        self.classes(&mut page)?;
        self.learning(&mut page)?;
        self.sureness(&mut page)?;
        self.mistakes(&mut page)?;
        page.push_str("</body></html>\n");
        Ok(page)
    }

    fn head(&self, page: &mut String) -> Result<()> {
        let error = calibration_error(&reliability(&self.evaluation.probabilities, self.judged.labels()));
        let said = if self.name == "test" {
            "on pictures that decided nothing in the training"
        } else {
            "on the validation pictures, which decided when to stop: a test on others may come out lower"
        };
        write!(
            page,
            "<p class=\"soft\">Made on {} in {}{MADE_BY}{}.</p><div class=\"figures\">\
             <div><strong class=\"figure\">{:.1} %</strong>right of {} {} pictures; 19 in 20 such tests lie in {}</div>\
             <div><strong class=\"figure\">{:.3}</strong>mean cross-entropy</div>\
             <div><strong class=\"figure\">{:.1} %</strong>off in how sure it is</div></div><p>Measured {said}.</p>",
            escape(&words::now()),
            words::seconds(self.seconds),
            env!("CARGO_PKG_VERSION"),
            100.0 * self.figures.accuracy,
            words::count(self.figures.pictures as u64),
            self.name,
            self.figures.interval(),
            self.figures.loss,
            100.0 * error,
        )?;
        Ok(())
    }

    fn pictures(&self, page: &mut String) -> Result<()> {
        let input = self.model.input();
        let summary = self.model.summary();
        page.push_str("<h2>Data and settings</h2><table>");
        let mut row = |name: &str, what: &str| {
            let _ = write!(page, "<tr><td class=\"soft\">{name}</td><td>{}</td></tr>", escape(what));
        };
        row("base", self.base);
        let [height, width, _] = input.shape;
        row("pictures", &format!("{width}×{height} pixels; {}", prepared(input)));
        row(
            "parameters",
            &format!(
                "{}, of which {} learned last",
                words::count(summary.parameters() as u64),
                words::count(summary.trainable as u64)
            ),
        );
        let early = if self.not_begun.contains(&CHANGED) { ", which was not begun" } else { "" };
        row("changed at random", &format!("{}{early}", self.augment));
        row("seed", &self.seed.to_string());
        for stage in self.stages {
            let epochs = words::counted(stage.history.rows.len() as u64, "epoch");
            let ended = if stage.interrupted { ", then interrupted" } else { "" };
            let kept = match stage.best {
                0 => "none better than before, so left as it was".to_string(),
                epoch => format!("the weights of epoch {epoch} kept"),
            };
            row(stage.name, &format!("{epochs}{ended}, {kept}; {}", stage.settings));
        }
        for stage in self.not_begun {
            row(stage, "not begun: interrupted");
        }
        let Temperature { value, before, after } = self.temperature;
        row(
            "temperature",
            &format!(
                "{value:.2}: scores are divided by it; validation loss {after:.4}, without it {before:.4}"
            ),
        );
        for (place, line) in self.sets.told.iter().enumerate() {
            row(if place == 0 { "what was found" } else { "" }, line.trim());
        }
        page.push_str("</table>");
        Ok(())
    }

    fn classes(&self, page: &mut String) -> Result<()> {
        page.push_str(
            "<h2>Class by class</h2><table><tr><th>class</th><th class=\"number\">pictures</th>\
             <th class=\"number\">of them recognised</th><th class=\"number\">right when it says so</th></tr>",
        );
        for of in &self.figures.per_class {
            write!(
                page,
                "<tr><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
                escape(&of.class),
                words::count(of.pictures),
                percent(of.recall),
                percent(of.precision)
            )?;
        }
        page.push_str("</table>");
        let counts: Vec<u64> = self.evaluation.confusion.counts.concat();
        match confusion_matrix("Which class was taken for which", self.judged.classes(), &counts) {
            Some(matrix) => page.push_str(&matrix),
            None => self.mixed_up(page)?,
        }
        Ok(())
    }

    /// What a matrix would show, where it would be too large: the pairs that were mixed up most often.
    fn mixed_up(&self, page: &mut String) -> Result<()> {
        let rows = self.evaluation.confusion.counts.iter().enumerate();
        let pairs =
            rows.flat_map(|(label, row)| row.iter().enumerate().map(move |(taken, &n)| (n, label, taken)));
        let mut pairs: Vec<_> = pairs.filter(|&(n, label, taken)| n > 0 && label != taken).collect();
        pairs.sort_by_key(|&(n, ..)| std::cmp::Reverse(n));
        page.push_str("<table><tr><th>most often this</th><th>was taken for</th><th class=\"number\">pictures</th></tr>");
        for (n, label, taken) in pairs.into_iter().take(MIXED_UP) {
            let [label, taken] = [label, taken].map(|class| escape(&self.judged.classes()[class]));
            let n = words::count(n);
            write!(page, "<tr><td>{label}</td><td>{taken}</td><td class=\"number\">{n}</td></tr>")?;
        }
        page.push_str("</table>");
        Ok(())
    }

    fn learning(&self, page: &mut String) -> Result<()> {
        page.push_str("<h2>Learning</h2>");
        for stage in self.stages {
            let history =
                stage.history.series().into_iter().map(|(name, values)| (name.to_string(), values)).collect();
            learning_curves(stage.name, &history).into_iter().for_each(|(_, svg)| page.push_str(&svg));
        }
        Ok(())
    }

    fn sureness(&self, page: &mut String) -> Result<()> {
        let bins = reliability(&self.evaluation.probabilities, self.judged.labels());
        page.push_str(
            "<h2>How sure it may be</h2><p>Of the pictures of which it was, say, 80 % sure, 80 % should be right. Points on the \
             dotted line are honest; below it the model is too sure.</p>",
        );
        // Nothing can be less probable and yet be taken.
        let least = 1.0 / self.judged.classes().len() as f64;
        let line = |name: &str, dashed, points| Series { name: name.into(), points, dashed };
        let chart = LineChart {
            title: "How often it was right".into(),
            x_label: "how sure it was".into(),
            percent: true,
            series: vec![
                line("this model", false, bins.iter().map(|bin| (bin.sure, bin.right)).collect()),
                line("honest", true, vec![(least, least), (1.0, 1.0)]),
            ],
            ..LineChart::default()
        };
        page.push_str(&chart.svg());
        let counts: Vec<String> = bins.iter().map(|bin| words::count(bin.pictures as u64)).collect();
        let counts = counts.join(" · ");
        write!(page, "<p class=\"soft\">Pictures behind the points, from left to right: {counts}.</p>")?;
        Ok(())
    }

    fn mistakes(&self, page: &mut String) -> Result<()> {
        let mistakes = worst_mistakes(&self.evaluation.probabilities, self.judged.labels(), MISTAKES);
        page.push_str("<h2>Where it erred and was sure</h2>");
        if mistakes.is_empty() {
            page.push_str("<p>Nowhere: every picture was recognised.</p>");
            return Ok(());
        }
        if !self.with_pictures {
            page.push_str("<p>Without pictures, as was asked for.</p><ul>");
            for mistake in &mistakes {
                write!(page, "<li>{}</li>", escape(&self.words(mistake)))?;
            }
            page.push_str("</ul>");
            return Ok(());
        }
        page.push_str("<p>Beside each the heat of what it took the picture for (Grad-CAM): where the network looked.</p>");
        let (method, mut shown) = (Method::Cam(Cam::grad_cam()), Vec::new());
        for mistake in &mistakes {
            let picture = self.judged.picture(mistake.picture)?;
            let heated = heated(self.model, &picture, &method, BASE, mistake.predicted as usize)?;
            shown.push((drawn(&picture)?, self.words(mistake)));
            shown.push((
                drawn(&heated)?,
                format!("heat of {}", self.judged.classes()[mistake.predicted as usize]),
            ));
        }
        page.push_str(&gallery("", &shown, 6, 132.0)?);
        Ok(())
    }

    fn words(&self, Mistake { picture, label, predicted, probability }: &Mistake) -> String {
        let class = |class: u32| &self.judged.classes()[class as usize];
        let name = self.judged.name(*picture).unwrap_or("");
        format!("{name}: {} {:.0} %, but {}", class(*predicted), 100.0 * probability, class(*label))
    }
}

/// How pictures are prepared, in words.
fn prepared(input: &InputSpec) -> String {
    let fit = match input.fit {
        Fit::Squash => "squashed",
        Fit::Crop => "cropped",
        Fit::Pad => "padded",
    };
    let filter = match input.filter {
        Filter::Nearest => "nearest pixel",
        Filter::Bilinear => "bilinear",
        Filter::BilinearPlain => "bilinear without smoothing",
        Filter::Bicubic => "bicubic",
        Filter::Area => "area",
    };
    let range = match input.pixels {
        Pixels::ZeroToOne => "numbers from 0 to 1",
        Pixels::MinusOneToOne => "numbers from −1 to 1",
        Pixels::CaffeBgr => "blue, green, red less ImageNet's means (caffe)",
        Pixels::MeanStd { .. } => "numbers less a mean, divided by a deviation",
    };
    format!("{fit}, {filter}, {range}")
}
