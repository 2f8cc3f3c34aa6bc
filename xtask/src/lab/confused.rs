//! The pictures behind each cell of a confusion matrix.

use super::picture;
use anyhow::Result;
use convnet_data::Dataset;
use convnet_report::{Cells, Picture, grid};
use convnet_tensor::Tensor;
use std::collections::BTreeMap;

/// Pictures of a cell that a reader can look at.
const MOST: usize = 10;
/// Of large pictures fewer, made half as large, so that the page stays light.
const MOST_LARGE: usize = 6;
/// The side of a picture that is not large, in pixels.
const LARGEST_SIDE: usize = 64;

/// A sheet with a row of pictures for each cell of the confusion matrix that has some, and what its rows are; `path` is the
/// sheet's. Mistakes: those that the network was most sure of; right answers: those that it was least sure of.
///
/// # Errors
/// When a picture cannot be read.
pub(super) fn sheet(
    probabilities: &Tensor,
    labels: &[u32],
    pictures: &Dataset,
    path: &str,
) -> Result<Option<(Picture, Cells)>> {
    let mut rows = Vec::new();
    let mut shown = Vec::new();
    let mut size = [0; 2];
    let shape = pictures.picture_shape();
    let most = if shape[0].max(shape[1]) > LARGEST_SIDE { MOST_LARGE } else { MOST };
    for ((label, predicted), numbers) in cells(probabilities, labels, most) {
        let first = shown.len();
        for &number in &numbers {
            shown.push(smaller(picture(pictures, number)?)?);
        }
        let tile = &shown[first];
        size = [tile.width() as u32, tile.height() as u32];
        rows.push([label, predicted, numbers.len() as u32]);
        // Every row is as long as the longest.
        let (width, height, channels) = (tile.width(), tile.height(), tile.channels());
        let blank = Picture::new(width, height, channels, vec![255; width * height * channels])?;
        shown.resize(first + most, blank);
    }
    if shown.is_empty() {
        return Ok(None);
    }
    let sheet = grid(&shown, most, 0)?;
    Ok(Some((sheet, Cells { pictures: path.into(), size, rows })))
}

/// The numbers of the pictures in each cell (true and predicted class), at most `most`.
fn cells(probabilities: &Tensor, labels: &[u32], most: usize) -> BTreeMap<(u32, u32), Vec<usize>> {
    let columns = probabilities.shape()[1];
    let mut cells: BTreeMap<(u32, u32), Vec<(f32, usize)>> = BTreeMap::new();
    for (number, (row, &label)) in probabilities.data().chunks_exact(columns).zip(labels).enumerate() {
        let (predicted, sure) = match *row {
            [yes] if yes > 0.5 => (1, yes),
            [yes] => (0, 1.0 - yes),
            _ => row.iter().enumerate().fold((0, f32::MIN), |best, (class, &probability)| {
                if probability > best.1 { (class as u32, probability) } else { best }
            }),
        };
        let place = if predicted == label { sure } else { -sure };
        cells.entry((label, predicted)).or_default().push((place, number));
    }
    let first = |mut cell: Vec<(f32, usize)>| {
        cell.sort_by(|a, b| a.0.total_cmp(&b.0));
        cell.into_iter().take(most).map(|(_, number)| number).collect()
    };
    cells.into_iter().map(|(place, cell)| (place, first(cell))).collect()
}

/// A large picture at half its size: each pixel the mean of four.
fn smaller(picture: Picture) -> Result<Picture> {
    if picture.width().max(picture.height()) <= LARGEST_SIDE {
        return Ok(picture);
    }
    let (width, height, channels) = (picture.width() / 2, picture.height() / 2, picture.channels());
    let at =
        |x: usize, y: usize, c: usize| u16::from(picture.pixels()[(y * picture.width() + x) * channels + c]);
    let mut pixels = Vec::with_capacity(width * height * channels);
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (2 * y, 2 * x))) {
        for c in 0..channels {
            let sum = at(x, y, c) + at(x + 1, y, c) + at(x, y + 1, c) + at(x + 1, y + 1, c);
            pixels.push((sum / 4) as u8);
        }
    }
    Ok(Picture::new(width, height, channels, pixels)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_come_most_sure_first_and_right_answers_least_sure_first() {
        let probabilities =
            Tensor::from_vec([5, 2], vec![0.9, 0.1, 0.6, 0.4, 0.3, 0.7, 0.1, 0.9, 0.2, 0.8]).unwrap();
        let found = cells(&probabilities, &[0, 0, 0, 0, 1], 2);
        let expected = [((0, 0), vec![1, 0]), ((0, 1), vec![3, 2]), ((1, 1), vec![4])];
        assert_eq!(found, expected.into());
        let yes = Tensor::from_vec([2, 1], vec![0.4, 0.6]).unwrap();
        assert_eq!(cells(&yes, &[1, 1], 2), [((1, 0), vec![0]), ((1, 1), vec![1])].into());
    }

    #[test]
    fn a_large_picture_is_halved() {
        let small = Picture::new(64, 64, 1, vec![7; 64 * 64]).unwrap();
        assert_eq!(smaller(small).unwrap().width(), 64);
        let mut pixels = vec![0; 150 * 101 * 3];
        pixels[..3].copy_from_slice(&[200, 100, 40]);
        let half = smaller(Picture::new(150, 101, 3, pixels).unwrap()).unwrap();
        assert_eq!((half.width(), half.height()), (75, 50));
        assert_eq!(half.pixels()[..4], [50, 25, 10, 0]);
    }
}
