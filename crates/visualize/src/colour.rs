//! Maps as colours, alone and over a picture.

use crate::error::{Result, expect, picture, wrong_shape};
use crate::resize::resize;
use convnet_tensor::Tensor;

/// How numbers become colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourMap {
    /// From dark blue by green to yellow: equal steps look equal, in grey and to most who are colour-blind too.
    Viridis,
    /// From black by red to light yellow, equally sound; over pictures what is cold stays dark.
    Inferno,
    /// From blue to yellow, made to look the same to people who are red- or green-blind.
    Cividis,
    /// From blue by green and yellow to red, the book's. Its bands show edges where the numbers have none.
    Jet,
    /// For numbers of both signs: blue below 0, white at 0, red above.
    Diverging,
}

impl ColourMap {
    /// The red, green and blue of a number between 0 and 1 (−1 and 1 for [`ColourMap::Diverging`]); what lies beyond gets the
    /// colour of the end, NaN a grey.
    pub fn colour(self, number: f32) -> [u8; 3] {
        if number.is_nan() {
            return [128; 3];
        }
        let number = f64::from(number).clamp(if self == ColourMap::Diverging { -1.0 } else { 0.0 }, 1.0);
        match self {
            ColourMap::Viridis => colorous::VIRIDIS.eval_continuous(number).into_array(),
            ColourMap::Inferno => colorous::INFERNO.eval_continuous(number).into_array(),
            ColourMap::Cividis => colorous::CIVIDIS.eval_continuous(number).into_array(),
            // Three tents, as in MATLAB and OpenCV.
            ColourMap::Jet => [3.0, 2.0, 1.0].map(|top| {
                let tent = 1.5 - (4.0 * number - top).abs();
                (tent.clamp(0.0, 1.0) * 255.0).round() as u8
            }),
            ColourMap::Diverging => colorous::RED_BLUE.eval_continuous(0.5 - 0.5 * number).into_array(),
        }
    }
}

/// How a coloured map lies over a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Blend {
    /// The colour times this factor is added to the pixel and cut at 255: the book's, with 0.4.
    Added(f32),
    /// This share of colour, the rest pixel.
    Mixed(f32),
}

/// A map `[height, width]` in colours, `[height, width, 3]`: from 0 (what is below counts as 0) to its maximum, or, with
/// [`ColourMap::Diverging`], equally far to both sides.
///
/// # Errors
/// Another shape.
pub fn coloured(heat: &Tensor, map: ColourMap) -> Result<Tensor<u8>> {
    let [height, width] = size(heat)?;
    let colours = of_numbers(heat.data(), map).flatten().collect();
    Ok(Tensor::from_vec([height, width, 3], colours)?)
}

fn of_numbers(numbers: &[f32], map: ColourMap) -> impl Iterator<Item = [u8; 3]> + '_ {
    let is_signed = map == ColourMap::Diverging;
    let most =
        numbers.iter().map(|number| if is_signed { number.abs() } else { *number }).fold(0.0, f32::max);
    // A map that is nowhere above 0 is cold everywhere.
    let scale = if most > 0.0 && most.is_finite() { 1.0 / most } else { 0.0 };
    numbers.iter().map(move |number| map.colour(number * scale))
}

/// A map `[rows, columns]` of any size in colours over a picture `[height, width, 3]` (or 1, grey): brought to the picture's
/// size linearly, then as [`coloured`] and [`Blend`] say. The result has three channels.
///
/// ```
/// use convnet_tensor::Tensor;
/// use convnet_visualize::{Blend, ColourMap, overlay};
/// let picture = Tensor::full([40, 60, 3], 100u8);
/// let heat = Tensor::from_slice([2, 2], &[0.0, 0.0, 0.0, 1.0])?;
/// let book = overlay(&picture, &heat, ColourMap::Jet, Blend::Added(0.4))?;
/// // The end of jet is a dark red of 128, and 0.4 of it is added.
/// assert_eq!(book.data()[book.size() - 3..], [151, 100, 100]);
/// # Ok::<(), convnet_visualize::Error>(())
/// ```
///
/// # Errors
/// Other shapes; a factor that is negative or not finite, a share beyond 0 … 1.
pub fn overlay(of: &Tensor<u8>, heat: &Tensor, map: ColourMap, blend: Blend) -> Result<Tensor<u8>> {
    let [height, width, channels] = picture("the picture", of.shape())?;
    if channels != 1 && channels != 3 {
        return wrong_shape("the picture", "(height, width, 3) or (height, width, 1)", of.shape());
    }
    match blend {
        Blend::Added(factor) => {
            let fits = factor >= 0.0 && factor.is_finite();
            expect(fits, "the factor", "at least 0 and finite", factor)?;
        }
        Blend::Mixed(share) => expect((0.0..=1.0).contains(&share), "the share", "from 0 to 1", share)?,
    }
    let mut large = vec![0.0; height * width];
    resize(heat.data(), size(heat)?, &mut large, [height, width]);
    let mut laid = Tensor::<u8>::recycled([height, width, 3]);
    let pixels = laid.data_mut().chunks_exact_mut(3).zip(of.data().chunks_exact(channels));
    for ((to, pixel), colour) in pixels.zip(of_numbers(&large, map)) {
        for (channel, to) in to.iter_mut().enumerate() {
            let (pixel, colour) = (f32::from(pixel[channel % channels]), f32::from(colour[channel]));
            *to = match blend {
                Blend::Added(factor) => (colour * factor + pixel) as u8,
                Blend::Mixed(share) => (colour * share + pixel * (1.0 - share)).round() as u8,
            };
        }
    }
    Ok(laid)
}

fn size(heat: &Tensor) -> Result<[usize; 2]> {
    match *heat.shape() {
        [height, width] if height * width > 0 => Ok([height, width]),
        _ => wrong_shape("the map", "(height, width), one of a batch", heat.shape()),
    }
}
