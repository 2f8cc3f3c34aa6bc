//! Bringing a picture to the height and width of the model.
//!
//! With [`Fit::Squash`], [`Fit::Crop`] and [`Fit::Pad`] as Pillow's `resize`, `ImageOps.fit` and `ImageOps.pad`, and its filters;
//! no byte differs by more than 1 from Pillow's. [`Filter::BilinearPlain`] is what OpenCV (`INTER_LINEAR`) and TensorFlow do.

use crate::decode::Picture;
use convnet_tensor::{Filter, Fit};
use fast_image_resize::images::{Image, ImageRef, TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U16, U16x3};
use fast_image_resize::{FilterType, PixelTrait, PixelType, ResizeAlg, ResizeOptions};

/// Resizes pictures one after the other with memory that it uses again.
///
/// ```
/// use convnet_data::{decode::Picture, resize::Resizer};
/// use convnet_tensor::{Filter, Fit};
/// let picture = Picture { height: 2, width: 4, channels: 1, pixels: &[0, 0, 8, 8, 0, 0, 8, 8] };
/// let mut small = [0; 2];
/// Resizer::default().resize(picture, 1, 2, Fit::Squash, Filter::Area, &mut small);
/// assert_eq!(small, [0, 8]);
/// ```
#[derive(Debug, Default)]
pub struct Resizer {
    resizer: fast_image_resize::Resizer,
    /// The picture inside a border.
    inside: Vec<u8>,
}

impl Resizer {
    /// Writes `picture` at `height × width` into `to`, with as many channels as it has.
    ///
    /// # Panics
    /// When a side is 0 or above 2^32 − 1, the picture has neither 1 nor 3 channels, or a buffer another length.
    pub fn resize(
        &mut self,
        picture: Picture<'_>,
        height: usize,
        width: usize,
        fit: Fit,
        filter: Filter,
        to: &mut [u8],
    ) {
        let sides = [picture.height, picture.width, height, width];
        assert!(sides.iter().all(|&side| side > 0), "sides of 0 in {sides:?}");
        assert_eq!(
            picture.pixels.len(),
            picture.height * picture.width * picture.channels,
            "pixels of the picture"
        );
        assert_eq!(to.len(), height * width * picture.channels, "room for the resized picture");
        match fit {
            Fit::Squash => self.squash(picture, None, height, width, filter, to),
            Fit::Crop => {
                self.squash(picture, Some(cropped(&picture, height, width)), height, width, filter, to)
            }
            Fit::Pad => {
                let (rows, columns) = contained(&picture, height, width);
                let mut inside = std::mem::take(&mut self.inside);
                inside.resize(rows * columns * picture.channels, 0);
                self.squash(picture, None, rows, columns, filter, &mut inside);
                to.fill(0);
                let (top, left) = (half(height - rows), half(width - columns));
                let row = columns * picture.channels;
                for (number, from) in inside.chunks_exact(row).enumerate() {
                    to[((top + number) * width + left) * picture.channels..][..row].copy_from_slice(from);
                }
                self.inside = inside;
            }
        }
    }

    /// Scales both axes of the whole picture, or of the part `[left, top, width, height]`.
    fn squash(
        &mut self,
        picture: Picture<'_>,
        part: Option<[f64; 4]>,
        height: usize,
        width: usize,
        filter: Filter,
        to: &mut [u8],
    ) {
        let side = |side: usize| u32::try_from(side).expect("sides below 2^32");
        let (from, into) =
            ((side(picture.width), side(picture.height), picture.pixels), (side(width), side(height), to));
        let mut options = ResizeOptions::new().resize_alg(match filter {
            Filter::Nearest => ResizeAlg::Nearest,
            Filter::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
            // Catmull and Rom's is the cubic with a = −0.5.
            Filter::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
            Filter::Area => ResizeAlg::Convolution(FilterType::Box),
            Filter::BilinearPlain => ResizeAlg::Interpolation(FilterType::Bilinear),
        });
        if let Some([left, top, width, height]) = part {
            options = options.crop(left, top, width, height);
        }
        match (picture.channels, filter) {
            (1, Filter::Bicubic) => wide::<U16>(&mut self.resizer, from, into, &options),
            (3, Filter::Bicubic) => wide::<U16x3>(&mut self.resizer, from, into, &options),
            (1, _) => bytes(&mut self.resizer, from, into, &options, PixelType::U8),
            (3, _) => bytes(&mut self.resizer, from, into, &options, PixelType::U8x3),
            (other, _) => panic!("pictures have 1 or 3 channels, not {other}"),
        }
    }
}

/// Width, height and bytes of the source or target.
type Side<T> = (u32, u32, T);

const LENGTHS: &str = "as many pixels as width and height say";
const INSIDE: &str = "both have the same kind of pixels, and the part lies inside";

fn bytes(
    resizer: &mut fast_image_resize::Resizer,
    from: Side<&[u8]>,
    to: Side<&mut [u8]>,
    options: &ResizeOptions,
    pixel: PixelType,
) {
    let from = ImageRef::new(from.0, from.1, from.2, pixel).expect(LENGTHS);
    let mut to = Image::from_slice_u8(to.0, to.1, to.2, pixel).expect(LENGTHS);
    resizer.resize(&from, &mut to, options).expect(INSIDE);
}

/// With 16 bits on the way. Between its two passes the cubic, whose weights are partly negative, would make two of a
/// difference of 1 from Pillow in the rounding of bytes.
fn wide<P: PixelTrait<Component = u16>>(
    resizer: &mut fast_image_resize::Resizer,
    from: Side<&[u8]>,
    to: Side<&mut [u8]>,
    options: &ResizeOptions,
) {
    // 255 becomes 65,535, so that what overshoots is cut off where bytes are.
    const STEP: u16 = 257;
    let mut pixels = vec![P::default(); from.0 as usize * from.1 as usize];
    P::components_mut(&mut pixels)
        .iter_mut()
        .zip(from.2)
        .for_each(|(to, &byte)| *to = u16::from(byte) * STEP);
    let from = TypedImageRef::new(from.0, from.1, &pixels).expect(LENGTHS);
    let mut resized = TypedImage::<P>::new(to.0, to.1);
    resizer.resize_typed(&from, &mut resized, options).expect(INSIDE);
    let numbers = P::components(resized.pixels());
    to.2.iter_mut().zip(numbers).for_each(|(to, &number)| *to = ((u32::from(number) + 128) / 257) as u8);
}

/// The middle of the picture with the proportions of the frame, `[left, top, width, height]`.
fn cropped(picture: &Picture<'_>, height: usize, width: usize) -> [f64; 4] {
    let (from_width, from_height) = (picture.width as f64, picture.height as f64);
    let proportion = width as f64 / height as f64;
    let (part_width, part_height) = if from_width / from_height >= proportion {
        ((proportion * from_height).min(from_width), from_height)
    } else {
        (from_width, (from_width / proportion).min(from_height))
    };
    [(from_width - part_width) / 2.0, (from_height - part_height) / 2.0, part_width, part_height]
}

/// Rows and columns of the largest picture of the same proportions inside the frame.
fn contained(picture: &Picture<'_>, height: usize, width: usize) -> (usize, usize) {
    let proportion = picture.width as f64 / picture.height as f64;
    let frame = width as f64 / height as f64;
    // Halves go to the even number, as Python rounds.
    let rounded = |side: f64, most: usize| (side.round_ties_even() as usize).clamp(1, most);
    if proportion > frame {
        (rounded(picture.height as f64 / picture.width as f64 * width as f64, height), width)
    } else if proportion < frame {
        (height, rounded(proportion * height as f64, width))
    } else {
        (height, width)
    }
}

fn half(border: usize) -> usize {
    (border as f64 * 0.5).round_ties_even() as usize
}
