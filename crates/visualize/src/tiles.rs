//! Pictures side by side, and pieces of pictures.

use crate::error::{Error, Result, expect, picture, wrong_shape};
use convnet_layers::ReceptiveField;
use convnet_tensor::{Plain, Tensor};

/// Lays pictures `[height, width, channels]` of one shape in rows of `columns` on black, `gap` pixels apart, as the grids of
/// chapter 5.4 are laid: `[rows · height + (rows − 1) · gap, …, channels]`.
///
/// ```
/// use convnet_tensor::Tensor;
/// let grey = |level| Tensor::full([2, 3, 1], level);
/// let sheet = convnet_visualize::tiles(&[grey(1u8), grey(2), grey(3)], 2, 1)?;
/// assert_eq!(sheet.shape().to_string(), "(5, 7, 1)");
/// # Ok::<(), convnet_visualize::Error>(())
/// ```
///
/// # Errors
/// No picture, no column, pictures of different shapes, or a sheet beyond what can be counted.
pub fn tiles(pictures: &[Tensor<u8>], columns: usize, gap: usize) -> Result<Tensor<u8>> {
    expect(!pictures.is_empty(), "pictures", "at least one", 0)?;
    expect(columns > 0, "columns", "at least 1", columns)?;
    let shape = pictures[0].shape();
    let [height, width, channels] = picture("a picture of a grid", shape)?;
    if let Some(other) = pictures.iter().find(|other| other.shape() != shape) {
        return wrong_shape("a picture of a grid", format!("{shape} as the first"), other.shape());
    }
    let columns = columns.min(pictures.len());
    let rows = pictures.len().div_ceil(columns);
    let side = |count: usize, length: usize| {
        count.checked_mul(length)?.checked_add((count - 1).checked_mul(gap)?).filter(|&side| side < 1 << 20)
    };
    let (Some(tall), Some(wide)) = (side(rows, height), side(columns, width)) else {
        return Err(Error::Argument {
            name: "a grid",
            expected: "less than 1,048,576 pixels high and wide".into(),
            found: format!("{rows} × {columns} pictures of {height}×{width}, {gap} apart"),
        });
    };
    let mut sheet = Tensor::<u8>::zeros([tall, wide, channels]);
    let pixels = sheet.data_mut();
    for (number, picture) in pictures.iter().enumerate() {
        let (top, left) = (number / columns * (height + gap), number % columns * (width + gap));
        for (row, from) in picture.data().chunks_exact(width * channels).enumerate() {
            let start = ((top + row) * wide + left) * channels;
            pixels[start..start + from.len()].copy_from_slice(from);
        }
    }
    Ok(sheet)
}

/// The part of a picture `[height, width, channels]` inside a receptive field.
///
/// # Errors
/// A field that is empty or reaches beyond the picture.
pub fn patch<T: Plain>(of: &Tensor<T>, field: &ReceptiveField) -> Result<Tensor<T>> {
    let [height, width, channels] = picture("the picture", of.shape())?;
    let ReceptiveField { rows, columns } = field;
    let fits = !rows.is_empty() && !columns.is_empty() && rows.end <= height && columns.end <= width;
    expect(
        fits,
        "the receptive field",
        format!("not empty and inside {height}×{width}"),
        format_args!("{rows:?} × {columns:?}"),
    )?;
    let mut patch = Tensor::recycled([rows.len(), columns.len(), channels]);
    let to = patch.data_mut().chunks_exact_mut(columns.len() * channels);
    for (row, to) in rows.clone().zip(to) {
        let start = (row * width + columns.start) * channels;
        to.copy_from_slice(&of.data()[start..start + to.len()]);
    }
    Ok(patch)
}
