//! PNG, WebP, BMP, GIF and TIFF.

use super::{Decoder, Undecodable, Upright, check_size, grey, room, turn};
use image::error::LimitErrorKind;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::io::{Cursor, ErrorKind};

/// The most bytes that a decoder may take at a time: 67 million pixels of 16-bit RGBA.
const MAX_MEMORY: u64 = 8 * super::MAX_PIXELS;

const FLOATS: &str = "a picture of floating-point numbers, whose range nobody knows";

impl Decoder {
    pub(super) fn other(
        &mut self,
        bytes: &[u8],
        format: ImageFormat,
        channels: usize,
    ) -> Result<Upright, Undecodable> {
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(MAX_MEMORY);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(failed)?;
        let (width, height) = decoder.dimensions();
        let (height, width) = check_size(width.into(), height.into())?;
        let _turn = turn(height, width);
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms).to_exif();
        let colours = decoder.color_type();
        // Before memory is taken for them.
        if matches!(colours, ColorType::Rgb32F | ColorType::Rgba32F) {
            return Err(Undecodable::Unsupported(FLOATS));
        }
        let pixels = room(&mut self.pixels, height * width * channels);
        let direct = match colours {
            ColorType::L8 => channels == 1,
            ColorType::Rgb8 => channels == 3,
            _ => false,
        };
        if direct {
            decoder.read_image(pixels).map_err(failed)?;
        } else {
            let size = usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX);
            if size as u64 > MAX_MEMORY {
                return Err(Undecodable::Damaged(format!("its pixels are {colours:?}")));
            }
            let raw = room(&mut self.raw, size);
            decoder.read_image(raw).map_err(failed)?;
            convert(colours, raw, channels, pixels)?;
        }
        Ok(Upright { height, width, orientation })
    }
}

/// Samples of 8 or 16 bits, with or without transparency, to bytes of grey or RGB.
fn convert(colours: ColorType, raw: &[u8], channels: usize, pixels: &mut [u8]) -> Result<(), Undecodable> {
    let samples = usize::from(colours.channel_count());
    let bytes = match colours {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => 1,
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => 2,
        _ => return Err(Undecodable::Unsupported(FLOATS)),
    };
    let upper = if cfg!(target_endian = "little") { bytes - 1 } else { 0 };
    for (to, from) in pixels.chunks_exact_mut(channels).zip(raw.chunks_exact(samples * bytes)) {
        let sample = |number: usize| from[number * bytes + upper];
        let rgb = if samples < 3 { [sample(0); 3] } else { [sample(0), sample(1), sample(2)] };
        if channels == 3 {
            to.copy_from_slice(&rgb);
        } else {
            to[0] = if samples < 3 { rgb[0] } else { grey(rgb) };
        }
    }
    Ok(())
}

fn failed(error: ImageError) -> Undecodable {
    match &error {
        ImageError::IoError(cause) if cause.kind() == ErrorKind::UnexpectedEof => Undecodable::Truncated,
        ImageError::Limits(limit) if limit.kind() == LimitErrorKind::InsufficientMemory => {
            Undecodable::Damaged(format!("it would take more than {MAX_MEMORY} bytes to decode"))
        }
        // Well made, but of a kind that the decoder does not know.
        ImageError::Unsupported(_) => Undecodable::Unsupported(
            "a picture of a rare kind of its format, such as one of floating-point numbers or an unusual compression",
        ),
        _ => Undecodable::Damaged(error.to_string()),
    }
}
