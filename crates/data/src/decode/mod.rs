//! The bytes of a picture's file → its pixels, within limits.
//!
//! What a file is follows from its content, never from its name: JPEG, PNG, WebP, BMP, GIF (the first frame) and TIFF.
//! Whatever comes in, bytes of RGB or grey come out: the orientation that a camera noted is applied; of 16 bits the upper 8
//! are kept; transparency is dropped and palettes are looked up, as Pillow's `convert("RGB")` does; CMYK is taken as
//! Adobe writes it, inverted; grey from colour is 0.299 R + 0.587 G + 0.114 B. A file that ends early is
//! an error, not a picture that is grey below. (Only a JPEG that lost its data but has an end marker all the same passes, as it does with Pillow.)

mod jpeg;
mod orientation;
mod others;
mod undecodable;

pub use undecodable::Undecodable;

use image::ImageFormat;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most pixels that a picture may have: 67 million, more than a full-frame camera takes. Decoding such a picture takes
/// some 700 MB at most (16 bits of red, green, blue and opacity), 300 MB for most, and 200 MB until the next; of [`LARGE`]
/// ones, a single one is in the making at a time.
pub const MAX_PIXELS: u64 = 1 << 26;
/// From so many pixels on, 17 million, pictures are decoded one after the other, whatever the number of threads: memory for a
/// few of them at once could be more than there is.
pub const LARGE: usize = 1 << 24;
/// The most bytes that a file may have.
pub const MAX_FILE: u64 = 256 << 20;

/// Buffers larger than this are not kept for the next picture.
const KEPT: usize = 32 << 20;

/// Reads a whole file, if it is a regular one of at most [`MAX_FILE`] bytes, into a buffer that is used again.
///
/// # Errors
/// [`Undecodable::NoFile`] for a folder, a device or a pipe, [`Undecodable::LargeFile`], and [`Undecodable::Read`] where the
/// system does not let it be read.
pub fn read(path: &Path, bytes: &mut Vec<u8>) -> Result<(), Undecodable> {
    bytes.clear();
    bytes.shrink_to(KEPT);
    // Before opening, as that alone may wait for ever on a pipe.
    let metadata = std::fs::metadata(path).map_err(Undecodable::Read)?;
    if !metadata.is_file() {
        return Err(Undecodable::NoFile);
    }
    let too_large = |bytes| Err(Undecodable::LargeFile { bytes });
    if metadata.len() > MAX_FILE {
        return too_large(metadata.len());
    }
    let file = File::open(path).map_err(Undecodable::Read)?;
    // One byte more than expected tells a file that grows from one that is read to its end.
    file.take(MAX_FILE + 1).read_to_end(bytes).map_err(Undecodable::Read)?;
    if bytes.len() as u64 > MAX_FILE { too_large(bytes.len() as u64) } else { Ok(()) }
}

/// Pixels in rows from the top, channels innermost.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// `height × width × channels` bytes.
    pub pixels: &'a [u8],
}

/// Decodes pictures one after the other into memory that it uses again.
///
/// ```
/// use convnet_data::decode::{Decoder, Undecodable};
/// let mut decoder = Decoder::default();
/// let bitmap = [&b"BM"[..], &[58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0], // 1×1, 24 bits: blue, green, red
///     &[40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0], &[0; 24], &[3, 2, 1, 0]].concat();
/// assert_eq!(decoder.decode(&bitmap, 3)?.pixels, [1, 2, 3]);
/// assert!(matches!(decoder.decode(b"a text", 3), Err(Undecodable::Unknown { .. })));
/// # Ok::<(), Undecodable>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    pixels: Vec<u8>,
    /// As decoded, where that is not yet what is wanted.
    raw: Vec<u8>,
}

/// Height and width of pixels in [`Decoder::pixels`], and how to turn them, as EXIF counts: 1 … 8.
struct Upright {
    height: usize,
    width: usize,
    orientation: u8,
}

impl Decoder {
    /// The picture in `bytes` with `channels` 1 (grey) or 3 (RGB).
    ///
    /// # Errors
    /// Why it is none, or not one that is accepted. Size and limits are checked before memory for the pixels is taken.
    ///
    /// # Panics
    /// When `channels` is neither 1 nor 3.
    pub fn decode(&mut self, bytes: &[u8], channels: usize) -> Result<Picture<'_>, Undecodable> {
        assert!(channels == 1 || channels == 3, "pictures have 1 or 3 channels, not {channels}");
        for buffer in [&mut self.pixels, &mut self.raw] {
            if buffer.capacity() > KEPT {
                *buffer = Vec::new();
            }
        }
        let format = format(bytes)?;
        // The decoders are not ours and meet hostile bytes: should one of them panic, the picture is unreadable, no more.
        // What it leaves behind are bytes in buffers, which the next picture overwrites.
        let decoded = catch_unwind(AssertUnwindSafe(|| match format {
            ImageFormat::Jpeg => self.jpeg(bytes, channels),
            format => self.other(bytes, format, channels),
        }));
        let Upright { mut height, mut width, orientation } =
            decoded.unwrap_or_else(|_| Err(Undecodable::Damaged("the decoder gave up in a panic".into())))?;
        if orientation > 1 {
            orientation::turn(&self.pixels, [height, width, channels], orientation, &mut self.raw);
            std::mem::swap(&mut self.pixels, &mut self.raw);
            if orientation >= 5 {
                (height, width) = (width, height);
            }
        }
        Ok(Picture { height, width, channels, pixels: &self.pixels[..height * width * channels] })
    }
}

/// Refuses what is too large, before anything is allocated for it.
fn check_size(width: u64, height: u64) -> Result<(usize, usize), Undecodable> {
    if width == 0 || height == 0 {
        return Err(Undecodable::Damaged(format!("it says that it is {width}×{height} pixels large")));
    }
    if width.saturating_mul(height) > MAX_PIXELS {
        return Err(Undecodable::TooLarge { width, height });
    }
    Ok((height as usize, width as usize))
}

/// Waits until no other large picture is in the making; a picture that is not large waits for nobody.
fn turn(height: usize, width: usize) -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    (height * width >= LARGE).then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A slice of `size` bytes of a buffer that grows and never shrinks: bytes once written are not cleared again.
fn room(buffer: &mut Vec<u8>, size: usize) -> &mut [u8] {
    if buffer.len() < size {
        buffer.resize(size, 0);
    }
    &mut buffer[..size]
}

/// Grey as Pillow's `convert("L")` makes it: ITU-R 601-2 weights in 16 bits.
fn grey([red, green, blue]: [u8; 3]) -> u8 {
    let [red, green, blue] = [red, green, blue].map(u32::from);
    ((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16) as u8
}

/// What the first bytes say that the file is.
fn format(bytes: &[u8]) -> Result<ImageFormat, Undecodable> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    if bytes.is_empty() {
        return Err(Undecodable::Empty);
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Err(Undecodable::Unsupported("HEIC, AVIF or a video"));
    }
    match image::guess_format(bytes) {
        Ok(format @ (Bmp | Gif | Jpeg | Png | Tiff | WebP)) => Ok(format),
        _ => {
            let start = &bytes[..bytes.len().min(256)];
            let text = start.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..));
            Err(Undecodable::Unknown { looks_like: if text { "text" } else { "nothing known" } })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Duration;

    #[test]
    fn large_pictures_take_turns_and_others_do_not_wait() {
        let first = turn(4096, 4096);
        assert!(first.is_some() && turn(4096, 4095).is_none());
        let (sender, second) = channel();
        let waits = std::thread::spawn(move || sender.send(turn(8192, 8192).is_some()));
        assert_eq!(second.recv_timeout(Duration::from_millis(50)), Err(RecvTimeoutError::Timeout));
        drop(first);
        assert_eq!(second.recv(), Ok(true));
        waits.join().unwrap().unwrap();
    }
}
