//! `convnet predict MODEL PICTURE…`.

use crate::source::Source;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use convnet_data::decode::Decoder;
use convnet_data::resize::Resizer;
use convnet_datasets::{DataChoice, Found, Manifest, Places, find};
use convnet_layers::{FinalActivation, Model};
use convnet_pretrained::zoo::ImageNetClasses;
use convnet_tensor::{Pixels, Tensor};
use std::path::{Path, PathBuf};

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,

    /// Pictures: JPEG, PNG, WebP, BMP, GIF, TIFF
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,

    /// The range of pixels, where the model's file does not say it
    #[arg(long, value_enum)]
    pixels: Option<Range>,

    /// How many classes are told of each
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,
}

/// A range of pixels.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Range {
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
    let (mut decoder, mut resizer) = (Decoder::default(), Resizer::default());
    for path in &arguments.pictures {
        let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let picture =
            decoder.decode(&bytes, channels).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
        let input = model.input();
        let [height, width, _] = input.shape;
        let mut resized = vec![0; height * width * channels];
        resizer.resize(picture, height, width, input.fit, input.filter, &mut resized);
        let mut x = Tensor::zeros([1, height, width, channels]);
        pixels.write(channels, &resized, x.data_mut());
        let probabilities = probabilities(&model, &x)?;
        crate::print(&told(path, &probabilities, &names, arguments.top))?;
    }
    Ok(())
}

/// The probability of each class; of a yes or no that of both.
fn probabilities(model: &Model, x: &Tensor) -> Result<Vec<f32>> {
    let output = model.predict(x)?;
    Ok(match (output.data(), model.final_activation()) {
        (&[yes], FinalActivation::Sigmoid) => vec![1.0 - yes, yes],
        (all, FinalActivation::Softmax) => all.to_vec(),
        _ => bail!(
            "the model ends in no probabilities but in numbers of shape {}; `convnet run` gives them",
            model.output_shape()
        ),
    })
}

/// The names of the classes: the model's, or ImageNet's where there are as many, or numbers.
fn names(model: &Model) -> Result<Vec<String>> {
    let own = &model.input().classes;
    let outputs = if model.output_shape()[..] == [1] { 2 } else { model.output_shape().size() };
    if own.len() == outputs {
        return Ok(own.clone());
    }
    if let (1000 | 1001, Found::Files(located)) = (
        outputs,
        find(&Manifest::named("imagenet_class_index")?, &DataChoice::Auto, &Places::from_environment())?,
    ) {
        let classes = ImageNetClasses::read(located.files.first().context("a manifest names a file")?)?;
        let classes = if outputs == 1001 { classes.with_background() } else { classes };
        return Ok(classes.names().map(str::to_string).collect());
    }
    Ok((0..outputs).map(|class| format!("class {class}")).collect())
}

fn told(path: &Path, probabilities: &[f32], names: &[String], top: usize) -> String {
    let mut order: Vec<_> = probabilities.iter().zip(names).collect();
    order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let best = order.iter().take(top.max(1)).map(|(probability, name)| format!("{name} {probability:.4}"));
    format!("{}: {}", path.display(), best.collect::<Vec<_>>().join(", "))
}
