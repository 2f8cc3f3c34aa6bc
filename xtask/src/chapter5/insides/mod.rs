//! Section 5.4: what convnets learn, seen from inside.

mod activations;
mod exciting;
mod filters;
mod heatmaps;
mod photographs;
mod proof;
mod similar;

pub(crate) use activations::ACTIVATIONS;
pub(crate) use filters::FILTERS;
pub(crate) use heatmaps::HEATMAPS;
pub(crate) use proof::PROOF;

use crate::exit::Interrupted;
use crate::lab::Lab;
use anyhow::{Context, Result, bail};
use convnet_data::Dataset;
use convnet_layers::Model;
use convnet_report::Picture;
use convnet_tensor::{Shape, Tensor};
use std::ops::Range;
use std::sync::atomic::Ordering;

/// A tensor `[height, width, channels]` of bytes as a picture for a figure.
fn shown(pixels: &Tensor<u8>) -> Result<Picture> {
    let [height, width, channels] = pixels.shape()[..] else {
        bail!("a picture of shape {}", pixels.shape())
    };
    Ok(Picture::new(width, height, channels, pixels.data().to_vec())?)
}

/// The test picture whose name ends with `name`, else the first of its class.
fn cat(test: &Dataset, name: &str) -> Result<usize> {
    let is_it = |&number: &usize| test.name(number).is_some_and(|found| found.ends_with(name));
    let first = || test.labels().iter().position(|&label| label == 0);
    (0..test.len()).find(is_it).or_else(first).context("there is no picture to test with")
}

/// The name of a picture's file without its folders; `None` for one that was painted.
fn file_name(set: &Dataset, number: usize) -> Option<&str> {
    set.name(number)?.rsplit('/').next()
}

/// Pictures of a set as the model takes them, `[N, height, width, channels]`.
fn numbers_of(model: &Model, set: &Dataset, pictures: Range<usize>) -> Result<Tensor> {
    let shape = Shape::from(model.input().shape);
    let mut x = Tensor::zeros(shape.with_first(pictures.len()));
    for (number, to) in pictures.zip(x.data_mut().chunks_exact_mut(shape.size())) {
        model.input().pixels.write(shape[2], set.picture(number)?.data(), to);
    }
    Ok(x)
}

/// Ends an experiment after Ctrl-C.
fn go_on(lab: &Lab) -> Result<()> {
    if lab.interrupted.load(Ordering::SeqCst) {
        bail!(Interrupted("interrupted; what the section paints is painted anew next time".into()));
    }
    Ok(())
}
