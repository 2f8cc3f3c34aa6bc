//! `convnet predict MODEL PICTURE…|FOLDER`.

use crate::picture::{Viewer, numbers};
use crate::source::{Source, file_at_hand};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use convnet_data::decode::read;
use convnet_data::is_picture;
use convnet_layers::{FinalActivation, Model};
use convnet_pretrained::zoo::ImageNetClasses;
use convnet_report::printable;
use convnet_tensor::{Pixels, Tensor};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Tells what is in pictures.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  convnet predict model.safetensors kitten.jpg
  convnet predict model.safetensors holiday --csv > holiday.csv
  convnet predict efficientnet_lite0 elephant.jpg --top 3")]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,

    /// Pictures (JPEG, PNG, WebP, BMP, GIF, TIFF), or folders of them
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,

    /// One JSON array instead of lines
    #[arg(long)]
    json: bool,

    /// Lines of file, class and probability, separated by commas
    #[arg(long, conflicts_with = "json")]
    csv: bool,

    /// The range of pixels, where the model's file does not say it
    #[arg(long, value_enum)]
    pixels: Option<Range>,

    /// How many classes are told of each
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,
}

/// A range of pixels.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Range {
    ZeroToOne,
    MinusOneToOne,
    Caffe,
}

impl From<Range> for Pixels {
    fn from(range: Range) -> Pixels {
        match range {
            Range::ZeroToOne => Pixels::ZeroToOne,
            Range::MinusOneToOne => Pixels::MinusOneToOne,
            Range::Caffe => Pixels::CaffeBgr,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let opened = arguments.source.open()?;
    let model = opened.model;
    let names = names(&model)?;
    let pixels = arguments.pixels.map_or(model.input().pixels, Pixels::from);
    let channels = model.input().shape[2];
    if !matches!(channels, 1 | 3) || pixels.check(channels).is_err() {
        bail!("the model takes {channels} channels, which pictures in the range {pixels:?} do not have");
    }
    let mut found = Vec::new();
    arguments.pictures.iter().try_for_each(|path| pictures_under(path, 0, &mut found))?;
    let mut viewer = Viewer::default();
    if found.is_empty() {
        let named: Vec<_> = arguments.pictures.iter().map(|path| path.display().to_string()).collect();
        bail!("no picture in {}", named.join(", "));
    }
    let (mut bytes, mut told, mut unreadable) = (Vec::new(), Vec::new(), 0);
    if arguments.csv {
        crate::print("file,class,probability")?;
    }
    for path in &found {
        let picture = read(path, &mut bytes)
            .map_err(|why| why.to_string())
            .and_then(|()| viewer.seen(&bytes, model.input()).map_err(|why| why.to_string()));
        let x = match picture {
            Ok(seen) => numbers(&seen, pixels),
            Err(why) => {
                // One bad file among thousands must not cost the answers for the others.
                let _ = writeln!(std::io::stderr(), "{}", printable(&format!("{}: {why}", path.display())));
                told.push(Answer { file: path.display().to_string(), classes: Vec::new(), error: Some(why) });
                unreadable += 1;
                continue;
            }
        };
        let best = best(&probabilities(&model, &x)?, &names, arguments.top);
        if arguments.json {
            told.push(Answer { file: path.display().to_string(), classes: best, error: None });
        } else if arguments.csv {
            let file = quoted(&path.display().to_string());
            let lines = best.iter().map(|of| format!("{file},{},{}", quoted(&of.class), of.probability));
            crate::print(&lines.collect::<Vec<_>>().join("\n"))?;
        } else {
            let best = best.iter().map(|of| format!("{} {:.4}", of.class, of.probability));
            crate::print(&format!("{}: {}", path.display(), best.collect::<Vec<_>>().join(", ")))?;
        }
    }
    if arguments.json {
        crate::print(&serde_json::to_string_pretty(&told)?)?;
    }
    if unreadable > 0 {
        bail!("{unreadable} of {} pictures could not be read", found.len());
    }
    Ok(())
}

/// What is said of a picture.
#[derive(Debug, Serialize)]
struct Answer {
    file: String,
    classes: Vec<OfClass>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct OfClass {
    class: String,
    probability: f32,
}

/// Folders inside folders are followed so far.
const DEEPEST: usize = 32;

/// The pictures of a folder in the order of their names, links not followed; a file as it is.
fn pictures_under(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    // What cannot be looked at is told among the pictures that cannot be read.
    if !path.is_dir() {
        found.push(path.to_path_buf());
        return Ok(());
    }
    if depth > DEEPEST {
        bail!("{}: folders more than {DEEPEST} deep", path.display());
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut entries = entries.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !is_hidden && (kind.is_dir() || (kind.is_file() && is_picture(&entry.path()))) {
            pictures_under(&entry.path(), depth + 1, found)?;
        }
    }
    Ok(())
}

/// A field of a line of values separated by commas (RFC 4180).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_string()
    }
}

/// The probability of each class; of a yes or no that of both.
pub(crate) fn probabilities(model: &Model, x: &Tensor) -> Result<Vec<f32>> {
    match model.final_activation() {
        FinalActivation::Softmax => says(model, x),
        FinalActivation::Sigmoid if model.output_shape().size() == 1 => says(model, x),
        _ => bail!(
            "the model ends in no probabilities but in numbers of shape {}; `convnet run` gives them",
            model.output_shape()
        ),
    }
}

/// What the model says of each class: probabilities, or scores of one that ends in none; of one number those of both classes.
pub(crate) fn says(model: &Model, x: &Tensor) -> Result<Vec<f32>> {
    let output = model.predict(x)?;
    Ok(match (output.data(), model.final_activation()) {
        (&[yes], FinalActivation::Sigmoid) => vec![1.0 - yes, yes],
        (&[score], FinalActivation::Linear) => vec![-score, score],
        (all, _) => all.to_vec(),
    })
}

/// The names of the classes: the model's, or ImageNet's where there are as many, or numbers.
pub(crate) fn names(model: &Model) -> Result<Vec<String>> {
    let own = &model.input().classes;
    let outputs = if model.output_shape()[..] == [1] { 2 } else { model.output_shape().size() };
    if own.len() == outputs {
        return Ok(own.clone());
    }
    if let 1000 | 1001 = outputs
        && let Ok(file) = file_at_hand("imagenet_class_index")?
    {
        let classes = ImageNetClasses::read(file)?;
        let classes = if outputs == 1001 { classes.with_background() } else { classes };
        return Ok(classes.names().map(str::to_string).collect());
    }
    Ok((0..outputs).map(|class| format!("class {class}")).collect())
}

fn best(probabilities: &[f32], names: &[String], top: usize) -> Vec<OfClass> {
    let of = |(&probability, class): (&f32, &String)| OfClass { class: class.clone(), probability };
    let mut order: Vec<_> = probabilities.iter().zip(names).map(of).collect();
    order.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    order.truncate(top.max(1));
    order
}
