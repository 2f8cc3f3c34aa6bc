//! Pictures of bytes: tiled, enlarged, coloured, and written as PNG.

use std::io::Cursor;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use image::{
    ColorType, ExtendedColorType, ImageDecoder as _, ImageEncoder as _, Limits,
    codecs::{jpeg, png},
};

use crate::Error;

/// A coloured picture whose sides are shorter is made of pixels that a reader looks at one by one.
const LEAST_PHOTOGRAPH: usize = 64;

/// At this quality the losses of JPEG are not seen, and a photograph takes a tenth of a PNG file.
const JPEG_QUALITY: u8 = 90;

/// No figure needs more pixels; a size beyond it is a mistake, found before memory is asked for.
const MOST_PIXELS: usize = 64 << 20;

/// A figure of more pixels is taken as it is, without being decoded.
const MOST_DECODED: usize = 8 << 20;

/// A picture of `u8`, rows from the top, grey (`channels` 1) or red, green, blue (`channels` 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    channels: usize,
    pixels: Vec<u8>,
}

/// How numbers become colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourMap {
    /// Viridis, from the least value to the greatest: activations, heat.
    Sequential,
    /// Blue below zero, white at zero, red above, equally far to both sides: signed kernels, gradients.
    Diverging,
}

impl Picture {
    /// A picture from `pixels` of `[height, width, channels]`.
    ///
    /// # Errors
    /// [`Error::Picture`] if `channels` is neither 1 nor 3, a side is 0, or the length does not fit.
    pub fn new(width: usize, height: usize, channels: usize, pixels: Vec<u8>) -> Result<Self, Error> {
        if !matches!(channels, 1 | 3) {
            return Err(Error::Picture(format!("{channels} channels, expected 1 (grey) or 3 (RGB)")));
        }
        let expected = values(width, height, channels)?;
        if pixels.len() != expected {
            let found = pixels.len();
            return Err(Error::Picture(format!(
                "{found} values for {height}×{width}×{channels}, expected {expected}"
            )));
        }
        Ok(Self { width, height, channels, pixels })
    }

    /// Colours `numbers` of `[height, width]`; a number that is not finite becomes grey.
    ///
    /// # Errors
    /// [`Error::Picture`] if a side is 0 or the length does not fit.
    pub fn coloured(width: usize, height: usize, numbers: &[f32], map: ColourMap) -> Result<Self, Error> {
        if numbers.len() != values(width, height, 1)? {
            return Err(Error::Picture(format!("{} numbers for {height}×{width}", numbers.len())));
        }
        let finite = || numbers.iter().copied().filter(|number| number.is_finite()).map(f64::from);
        let (low, high) = match map {
            ColourMap::Sequential => (finite().fold(f64::MAX, f64::min), finite().fold(f64::MIN, f64::max)),
            ColourMap::Diverging => {
                let most = finite().map(f64::abs).fold(0.0, f64::max);
                (-most, most)
            }
        };
        let colour = |&number: &f32| {
            if !number.is_finite() {
                return [128; 3];
            }
            // A constant picture is in the middle of a diverging map and at the low end of a sequential one.
            let share = if high > low { (f64::from(number) - low) / (high - low) } else { 0.0 };
            match map {
                ColourMap::Sequential => colorous::VIRIDIS.eval_continuous(share).into_array(),
                ColourMap::Diverging if high > low => {
                    colorous::RED_BLUE.eval_continuous(1.0 - share).into_array()
                }
                ColourMap::Diverging => colorous::RED_BLUE.eval_continuous(0.5).into_array(),
            }
        };
        Self::new(width, height, 3, numbers.iter().flat_map(colour).collect())
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// 1 for grey, 3 for RGB.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The values of `[height, width, channels]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Makes each pixel a square of `factor` × `factor`, so that small pictures stay crisp.
    ///
    /// # Errors
    /// [`Error::Picture`] if the factor is 0 or the picture would be too large.
    pub fn enlarged(&self, factor: usize) -> Result<Self, Error> {
        let (width, height) = (self.width.saturating_mul(factor), self.height.saturating_mul(factor));
        let mut pixels = Vec::with_capacity(values(width, height, self.channels)?);
        for row in self.pixels.chunks_exact(self.width * self.channels) {
            let wide: Vec<u8> =
                row.chunks_exact(self.channels).flat_map(|pixel| pixel.repeat(factor)).collect();
            for _ in 0..factor {
                pixels.extend_from_slice(&wide);
            }
        }
        Self::new(width, height, self.channels, pixels)
    }

    /// The bytes of a PNG file.
    ///
    /// # Errors
    /// [`Error::Picture`] if the encoder refuses.
    pub fn to_png(&self) -> Result<Vec<u8>, Error> {
        let mut file = Cursor::new(Vec::new());
        let colour = if self.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        // Neither side exceeds the number of pixels, which fits into 32 bits.
        png::PngEncoder::new_with_quality(&mut file, png::CompressionType::Best, png::FilterType::Adaptive)
            .write_image(&self.pixels, self.width as u32, self.height as u32, colour)
            .map_err(|error| Error::Picture(format!("cannot be written as PNG: {error}")))?;
        Ok(file.into_inner())
    }
}

impl Picture {
    /// The picture as a `data:` address. One in colour that is not tiny is taken for a photograph and becomes a JPEG file, a
    /// tenth of the size of a PNG; anything else stays exact.
    ///
    /// # Errors
    /// [`Error::Picture`] if the encoder refuses.
    pub(crate) fn data_address(&self) -> Result<String, Error> {
        if self.channels == 1 || self.width.min(self.height) < LEAST_PHOTOGRAPH {
            return Ok(format!("data:image/png;base64,{}", BASE64_STANDARD.encode(self.to_png()?)));
        }
        Ok(format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(self.to_jpeg()?)))
    }

    /// The bytes of a JPEG file.
    pub(crate) fn to_jpeg(&self) -> Result<Vec<u8>, Error> {
        let mut file = Vec::new();
        let colour = if self.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        // Neither side exceeds the number of pixels, which fits into 32 bits.
        jpeg::JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY)
            .encode(&self.pixels, self.width as u32, self.height as u32, colour)
            .map_err(|error| Error::Picture(format!("cannot be written as JPEG: {error}")))?;
        Ok(file)
    }

    /// The picture of a PNG file from anywhere; `None` for one that is broken, not of 8 bits in grey or RGB, or so large that it
    /// would take much memory.
    pub(crate) fn from_png(bytes: &[u8]) -> Option<Picture> {
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(3 * MOST_DECODED as u64 + (8 << 20));
        let decoder = png::PngDecoder::with_limits(Cursor::new(bytes), limits).ok()?;
        let (width, height) = decoder.dimensions();
        let channels = match decoder.color_type() {
            ColorType::L8 => 1,
            ColorType::Rgb8 => 3,
            _ => return None,
        };
        let (width, height) = (width as usize, height as usize);
        let size = width.checked_mul(height).filter(|&pixels| pixels <= MOST_DECODED)?;
        let mut pixels = vec![0; size * channels];
        decoder.read_image(&mut pixels).ok()?;
        Picture::new(width, height, channels, pixels).ok()
    }
}

/// Lays pictures of one size in rows of `columns` on white, `gap` pixels apart; a coloured one makes the sheet RGB.
///
/// # Errors
/// [`Error::Picture`] if there is no picture or column, sizes differ, or the sheet would be too large.
pub fn grid(pictures: &[Picture], columns: usize, gap: usize) -> Result<Picture, Error> {
    let Some(first) = pictures.first().filter(|_| columns > 0) else {
        return Err(Error::Picture("a grid needs at least one picture and one column".to_owned()));
    };
    let (width, height) = (first.width, first.height);
    if let Some((number, other)) =
        pictures.iter().enumerate().find(|(_, p)| (p.width, p.height) != (width, height))
    {
        let (w, h) = (other.width, other.height);
        return Err(Error::Picture(format!(
            "number {number} of a grid is {h}×{w}, expected {height}×{width} as the first"
        )));
    }
    let channels = pictures.iter().map(|picture| picture.channels).max().unwrap_or(1);
    let columns = columns.min(pictures.len());
    let rows = pictures.len().div_ceil(columns);
    let side = |count: usize, length: usize| {
        count.saturating_mul(length).saturating_add((count - 1).saturating_mul(gap))
    };
    let (sheet_width, sheet_height) = (side(columns, width), side(rows, height));
    let mut pixels = vec![255; values(sheet_width, sheet_height, channels)?];
    for (number, picture) in pictures.iter().enumerate() {
        let (left, top) = (number % columns * (width + gap), number / columns * (height + gap));
        for (y, row) in picture.pixels.chunks_exact(width * picture.channels).enumerate() {
            let start = ((top + y) * sheet_width + left) * channels;
            let slot = pixels[start..start + width * channels].chunks_exact_mut(channels);
            for (to, from) in slot.zip(row.chunks_exact(picture.channels)) {
                match from {
                    [grey] => to.fill(*grey),
                    colour => to.copy_from_slice(colour),
                }
            }
        }
    }
    Picture::new(sheet_width, sheet_height, channels, pixels)
}

/// The number of values of a picture, if its size is sensible.
fn values(width: usize, height: usize, channels: usize) -> Result<usize, Error> {
    match width.checked_mul(height) {
        Some(pixels @ 1..=MOST_PIXELS) => Ok(pixels * channels),
        _ => Err(Error::Picture(format!("size {height}×{width}, expected 1 to {MOST_PIXELS} pixels"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photographs_become_jpeg_and_pixels_stay_exact() {
        let of = |side: usize, channels: usize| {
            Picture::new(side, side, channels, vec![9; side * side * channels])
                .unwrap()
                .data_address()
                .unwrap()
        };
        assert!(of(150, 3).starts_with("data:image/jpeg;base64,/9j/"));
        assert!(
            of(28, 3).starts_with("data:image/png;base64,")
                && of(150, 1).starts_with("data:image/png;base64,")
        );
    }

    #[test]
    fn sizes_are_checked() {
        assert!(Picture::new(2, 2, 1, vec![0; 4]).is_ok());
        for (width, height, channels, length) in
            [(2, 2, 1, 5), (2, 2, 2, 8), (0, 2, 1, 0), (usize::MAX, 2, 1, 4), (1 << 20, 1 << 20, 1, 4)]
        {
            assert!(Picture::new(width, height, channels, vec![0; length]).is_err(), "{width}×{height}");
        }
        let one = Picture::new(1, 1, 1, vec![7]).unwrap();
        assert!(one.enlarged(0).is_err() && one.enlarged(usize::MAX).is_err());
        assert!(grid(&[], 3, 1).is_err());
        assert!(grid(std::slice::from_ref(&one), 0, 1).is_err());
        assert!(grid(&[one.clone(), one], 1, usize::MAX).is_err());
    }

    #[test]
    fn enlarging_repeats_pixels() {
        let picture = Picture::new(2, 1, 3, vec![1, 2, 3, 4, 5, 6]).unwrap().enlarged(2).unwrap();
        let row = [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6];
        assert_eq!(picture.pixels(), [row, row].concat());
        assert_eq!((picture.width(), picture.height(), picture.channels()), (4, 2, 3));
    }

    #[test]
    fn a_grid_places_each_picture() {
        let grey = |value| Picture::new(1, 1, 1, vec![value]).unwrap();
        let sheet = grid(&[grey(1), grey(2), grey(3)], 2, 1).unwrap();
        assert_eq!(sheet.pixels(), [1, 255, 2, 255, 255, 255, 3, 255, 255]);
        let red = Picture::new(1, 1, 3, vec![9, 8, 7]).unwrap();
        let sheet = grid(&[grey(1), red.clone()], 5, 0).unwrap();
        assert_eq!(sheet.pixels(), [1, 1, 1, 9, 8, 7]);
        assert!(grid(&[red.clone(), red.enlarged(2).unwrap()], 2, 0).is_err());
    }

    #[test]
    fn colours_follow_the_numbers() {
        let signed = Picture::coloured(3, 1, &[-2.0, 0.0, 1.0], ColourMap::Diverging).unwrap();
        let [blue, white, red] = [0, 3, 6].map(|i| &signed.pixels()[i..i + 3]);
        assert!(blue[2] > blue[0] && red[0] > red[2] && white.iter().all(|&value| value > 230));
        let flat = Picture::coloured(2, 1, &[5.0, f32::NAN], ColourMap::Sequential).unwrap();
        assert_eq!(flat.pixels()[3..], [128; 3]);
        assert!(Picture::coloured(2, 2, &[0.0; 3], ColourMap::Sequential).is_err());
    }

    #[test]
    fn a_png_from_anywhere_is_read_or_refused() {
        let of = |channels: usize| Picture::new(3, 2, channels, (0..6 * channels as u8).collect()).unwrap();
        for channels in [1, 3] {
            assert_eq!(Picture::from_png(&of(channels).to_png().unwrap()), Some(of(channels)));
        }
        let whole = of(3).to_png().unwrap();
        for length in [0, 8, 20, whole.len() / 2] {
            assert_eq!(Picture::from_png(&whole[..length]), None, "{length} bytes");
        }
        // A head that claims more pixels than anybody wants.
        let mut bomb = whole.clone();
        bomb[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        assert_eq!(Picture::from_png(&bomb), None);
    }

    #[test]
    fn png_gives_the_pixels_back() {
        for channels in [1, 3] {
            let pixels: Vec<u8> = (0..5 * 4 * channels as u8).map(|i| i.wrapping_mul(37)).collect();
            let picture = Picture::new(5, 4, channels, pixels.clone()).unwrap();
            let decoded = image::load_from_memory(&picture.to_png().unwrap()).unwrap();
            assert_eq!((decoded.width(), decoded.height()), (5, 4));
            assert_eq!(decoded.as_bytes(), pixels);
        }
    }
}
