//! `convnet run MODEL --input X.npy --output Y.npy`: raw numbers in, any layer's numbers out.

use crate::Failed;
use crate::source::Source;
use anyhow::{Context, Result, bail};
use convnet_autograd::Tape;
use convnet_layers::{Model, Request, Tap};
use convnet_pretrained::npy;
use convnet_tensor::Tensor;
use std::path::PathBuf;

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,

    /// The numbers of pictures, in the layout of the model's own framework
    #[arg(long, value_name = "X.npy")]
    input: PathBuf,

    /// Where the output goes, f32 in C order
    #[arg(long, value_name = "Y.npy")]
    output: PathBuf,

    /// The layer whose output is wanted; the last unless told
    #[arg(long, value_name = "PATH")]
    layer: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let opened = arguments.source.open()?;
    opened.said.iter().try_for_each(|line| crate::print(line))?;
    let x = npy::read(&arguments.input)?;
    if x.shape().len() != 4 {
        let axes = if opened.channels_first { "channels, height, width" } else { "height, width, channels" };
        bail!("{} has the shape {}, but (N, {axes}) was expected", arguments.input.display(), x.shape());
    }
    let x = if opened.channels_first { channels_last(&x) } else { x };
    let model = &opened.model;
    let (y, flattened) = match &arguments.layer {
        None => (model.predict(&x)?, flattened(model, None)),
        Some(layer) => {
            let request = Request { taps_only: true, ..Request::taps([Tap::output(layer)]) };
            let outputs = model.run(&mut Tape::new(), &x, &request)?;
            let tap = outputs.taps.into_iter().next().context("what was tapped is given")?;
            (tap.into_tensor(), flattened(model, Some(layer)))
        }
    };
    let y = match (opened.channels_first, flattened) {
        (false, _) => y,
        (true, Some([height, width, channels])) => {
            let (pictures, row) = (y.len_first(), y.shape());
            let maps = y.reshaped([pictures, height, width, channels])?;
            channels_first(&maps).reshaped(row)?
        }
        (true, None) if y.shape().len() == 4 => channels_first(&y),
        (true, None) => y,
    };
    npy::write(&arguments.output, &y)
        .map_err(|error| anyhow::Error::new(Failed).context(error.to_string()))?;
    crate::print(&format!("{}: {}", arguments.output.display(), y.shape()))
}

/// The maps that a layer lays out in a row, if that is all it does: their order is a matter of the framework too.
fn flattened(model: &Model, layer: Option<&str>) -> Option<[usize; 3]> {
    let rows = model.summary().rows;
    let place = match layer {
        Some(layer) => rows.iter().position(|row| row.path == layer)?,
        None => rows.len().checked_sub(1)?,
    };
    let before = match place.checked_sub(1) {
        Some(before) => rows[before].output,
        None => model.input().shape.into(),
    };
    let &[height, width, channels] = &before[..] else { return None };
    (rows[place].class == "Flatten").then_some([height, width, channels])
}

/// `[N, C, H, W]` as `[N, H, W, C]`.
fn channels_last(x: &Tensor) -> Tensor {
    let shape = x.shape();
    let [channels, height, width] = [shape[1], shape[2], shape[3]];
    Tensor::from_fn([shape[0], height, width, channels], |place| {
        let (c, rest) = (place % channels, place / channels);
        let (w, rest) = (rest % width, rest / width);
        let (h, n) = (rest % height, rest / height);
        x.data()[((n * channels + c) * height + h) * width + w]
    })
}

/// `[N, H, W, C]` as `[N, C, H, W]`.
fn channels_first(x: &Tensor) -> Tensor {
    let shape = x.shape();
    let [height, width, channels] = [shape[1], shape[2], shape[3]];
    Tensor::from_fn([shape[0], channels, height, width], |place| {
        let (w, rest) = (place % width, place / width);
        let (h, rest) = (rest % height, rest / height);
        let (c, n) = (rest % channels, rest / channels);
        x.data()[((n * height + h) * width + w) * channels + c]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_each_other_s_inverse() {
        let x = Tensor::from_fn([2, 3, 4, 5], |place| place as f32);
        let there = channels_last(&x);
        assert_eq!(there.shape()[..], [2, 4, 5, 3]);
        assert_eq!(there.data()[1], x.data()[20], "the second channel of the first pixel");
        assert_eq!(channels_first(&there), x);
    }
}
