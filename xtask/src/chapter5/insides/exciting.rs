//! 5.4.2: what excites a filter among real pictures, beside the picture that gradient ascent paints of it.

use super::{file_name, go_on, numbers_of, shown};
use crate::lab::base::Base;
use crate::lab::data::Part;
use crate::lab::{Data, Lab};
use anyhow::{Context, Result};
use convnet_data::Dataset;
use convnet_layers::ReceptiveField;
use convnet_report::{Picture, chart, words};
use convnet_tensor::Tensor;
use convnet_visualize::activations::{Excited, MostExciting};
use convnet_visualize::filters::Filters;
use convnet_visualize::patch;
use std::ops::Range;

/// Filters that are shown, and pictures beside each.
const FILTERS: usize = 4;
const PICTURES: usize = 3;

/// Pictures that go through the network together.
const BATCH: usize = 20;

/// A tile on the page: seven stand in a row.
const TILE: f64 = 104.0;

/// Looks through `count` of the training pictures for those that excite the `painted` filters of a layer most, and shows them
/// beside what was painted.
pub(super) fn exciting(
    lab: &mut Lab,
    base: &Base,
    layer: &str,
    painted: &[Filters],
    count: usize,
) -> Result<()> {
    let set = lab.part_for(base, Part::Train)?;
    let set = set.subset(count.min(set.len()), lab.seed)?;
    let mut found = MostExciting::new(&base.model, layer, PICTURES)?;
    lab.progress.start(&format!("5.4.2  what excites {layer}"), set.len() as u64, "pictures");
    for start in (0..set.len()).step_by(BATCH) {
        go_on(lab)?;
        let batch = start..set.len().min(start + BATCH);
        let numbers: Vec<u64> = batch.clone().map(|number| number as u64).collect();
        found.add(&numbers_of(&base.model, &set, batch)?, &numbers)?;
        lab.progress.advance(numbers.len() as u64);
    }
    lab.progress.finish();
    let mut tiles = Vec::new();
    let mut filters = Vec::new();
    for part in painted {
        filters.extend(part.filters.iter().copied().zip(part.pictures()?));
    }
    for (filter, picture) in filters.into_iter().take(FILTERS) {
        tiles.push((shown(&picture)?, format!("filter {filter}")));
        for excited in found.of(filter)? {
            tiles.extend(seen(&set, &excited)?);
        }
    }
    let (key, source, _) = lab.sets.known(Data::CatsDogs).context("the pictures are at hand")?;
    let columns = 1 + 2 * PICTURES.min(set.len());
    let gallery = chart::gallery(&format!("{layer}: painted, and found"), &tiles, columns, TILE)?;
    let caption = format!(
        "One alone misleads. Left: what gradient ascent painted for a filter. Beside it: of {} training pictures the {PICTURES} that \
         excite it most, what it sees of each framed, then enlarged. What both have in common is what the filter answers to.",
        words::count(set.len() as u64)
    );
    lab.figure_of(Some((key, source)), &format!("{layer}-exciting.svg"), &caption, gallery.as_bytes())
}

/// The picture with a frame around what the filter saw of it, and this alone.
fn seen(set: &Dataset, excited: &Excited) -> Result<[(Picture, String); 2]> {
    let number = excited.picture as usize;
    let pixels = set.picture(number)?;
    let called = file_name(set, number).map_or_else(|| format!("painted, number {number}"), str::to_string);
    let cut = shown(&patch(&pixels, &excited.field)?)?;
    let answer = format!("answer {}", words::metric("answer", f64::from(excited.activation)));
    Ok([(shown(&framed(&pixels, &excited.field))?, called), (cut, answer)])
}

/// A picture `[height, width, channels]` with a light frame, two pixels wide, just inside the border of a field.
fn framed(picture: &Tensor<u8>, field: &ReceptiveField) -> Tensor<u8> {
    let [width, channels] = [picture.shape()[1], picture.shape()[2]];
    let mut framed = picture.clone();
    let is_border = |of: &Range<usize>, place: usize| place < of.start + 2 || place + 2 >= of.end;
    for row in field.rows.clone() {
        for column in field.columns.clone() {
            if is_border(&field.rows, row) || is_border(&field.columns, column) {
                let start = (row * width + column) * channels;
                framed.data_mut()[start..start + channels].copy_from_slice(&FRAME[..channels]);
            }
        }
    }
    framed
}

/// A colour that few photographs have.
const FRAME: [u8; 3] = [255, 230, 0];
