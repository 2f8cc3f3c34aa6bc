//! `convnet summary MODEL`.

use crate::source::Source;
use anyhow::Result;
use convnet_pretrained::WeightFile;
use convnet_report::{Align, Table, words};
use std::path::Path;

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let error = match arguments.source.open() {
        Ok(opened) => {
            opened.said.iter().try_for_each(|line| crate::print(line))?;
            return crate::print(&opened.model.summary().to_string());
        }
        Err(error) => error,
    };
    // A file without a network still has something to show.
    match WeightFile::open(Path::new(&arguments.source.model)) {
        Ok(file) if arguments.source.weights.is_none() && file.tensors().next().is_some() => {
            crate::print(&format!("{error:#}\n\n{}", tensors(&file)))
        }
        _ => Err(error),
    }
}

/// The tensors of a file, as they stand there.
fn tensors(file: &WeightFile) -> Table {
    let mut table = Table::new(&[("tensor", Align::Left), ("shape", Align::Left), ("numbers", Align::Right)]);
    for tensor in file.tensors() {
        let shape = tensor.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ");
        let size = tensor.shape.iter().fold(1_u64, |size, &extent| size.saturating_mul(extent as u64));
        table.row([&tensor.name, &shape, &format!("{} {}", words::count(size), tensor.numbers)]);
    }
    table
}
