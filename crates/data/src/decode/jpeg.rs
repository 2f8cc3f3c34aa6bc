//! JPEG, the format that matters: decoded straight into memory that is used again.

use super::{Decoder, Undecodable, Upright, check_size, grey, room, turn};
use image::metadata::Orientation;
use memchr::memchr;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

impl Decoder {
    pub(super) fn jpeg(&mut self, bytes: &[u8], channels: usize) -> Result<Upright, Undecodable> {
        // Odd bytes between headers are common and harmless; only what comes behind them is read strictly.
        const LARGEST_SIDE: usize = 1 << 16;
        let options = DecoderOptions::default()
            .set_strict_mode(false)
            .set_max_width(LARGEST_SIDE)
            .set_max_height(LARGEST_SIDE)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        decoder.decode_headers().map_err(failed)?;
        let Some((width, height)) = decoder.dimensions() else {
            return Err(Undecodable::Damaged("its header has no size".into()));
        };
        let (height, width) = check_size(width as u64, height as u64)?;
        let _turn = turn(height, width);
        let stored = decoder.input_colorspace();
        if !matches!(
            stored,
            Some(
                ColorSpace::YCbCr | ColorSpace::Luma | ColorSpace::RGB | ColorSpace::CMYK | ColorSpace::YCCK
            )
        ) {
            return Err(Undecodable::Damaged(format!("its colours are {stored:?}")));
        }
        if !is_whole(bytes) {
            return Err(Undecodable::Truncated);
        }
        let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
        let orientation = orientation.unwrap_or(Orientation::NoTransforms).to_exif();
        let direct = channels == 3 || stored == Some(ColorSpace::Luma);
        let colours = if channels == 1 && direct { ColorSpace::Luma } else { ColorSpace::RGB };
        decoder.set_options(options.set_strict_mode(true).jpeg_set_out_colorspace(colours));
        let pixels = height * width;
        if direct {
            decoder.decode_into(room(&mut self.pixels, pixels * channels)).map_err(failed)?;
        } else {
            let colours = room(&mut self.raw, pixels * 3);
            decoder.decode_into(colours).map_err(failed)?;
            let greys = room(&mut self.pixels, pixels);
            greys.iter_mut().zip(colours.as_chunks::<3>().0).for_each(|(to, from)| *to = grey(*from));
        }
        Ok(Upright { height, width, orientation })
    }
}

fn failed(error: DecodeErrors) -> Undecodable {
    match error {
        DecodeErrors::ExhaustedData
        | DecodeErrors::IoErrors(_)
        | DecodeErrors::FormatStatic("Premature end of buffer") => Undecodable::Truncated,
        error => Undecodable::Damaged(error.to_string()),
    }
}

/// Whether the file goes on to its end marker: the decoder fills what is missing of the last rows with grey.
fn is_whole(bytes: &[u8]) -> bool {
    const END: u8 = 0xd9;
    let mut place = 2;
    // Markers without a length: fill bytes, a stuffed zero, restarts, TEM and SOI.
    let bare = |marker: u8| matches!(marker, 0xff | 0x00 | 0x01 | 0xd0..=0xd8);
    loop {
        let Some(next) = bytes.get(place..).and_then(|rest| memchr(0xff, rest)) else { return false };
        place += next + 1;
        match bytes.get(place) {
            None => return false,
            Some(&END) => return true,
            // A fill byte may be the first of a marker.
            Some(0xff) => {}
            Some(&marker) if bare(marker) => place += 1,
            Some(_) => {
                let Some(&[high, low]) = bytes.get(place + 1..place + 3) else { return false };
                // Behind the header of a scan its data are searched for the next marker, as anything else is.
                place += 1 + usize::from(u16::from_be_bytes([high, low]));
            }
        }
    }
}
