//! Small folders of pictures for tests.

#![allow(dead_code, reason = "each test file takes what it needs")]

use convnet_data::{LoadOptions, Loaded, PictureFolder};
use std::ops::ControlFlow;
use std::path::Path;
use tempfile::TempDir;

/// A file of one pixel: the smallest that is read.
pub(crate) fn bitmap([red, green, blue]: [u8; 3]) -> Vec<u8> {
    let mut bytes = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0".to_vec();
    bytes.resize(54, 0);
    bytes.extend([blue, green, red, 0]);
    bytes
}

/// A folder with these files, each a picture of one pixel.
pub(crate) fn tree(paths: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in paths {
        put(folder.path(), path, &bitmap([1, 2, 3]));
    }
    folder
}

pub(crate) fn put(folder: &Path, path: &str, bytes: &[u8]) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

pub(crate) fn load(folder: &PictureFolder, height: usize, width: usize) -> Loaded {
    folder.load(&LoadOptions::new(height, width, 3), &mut |_, _| ControlFlow::Continue(())).unwrap()
}

/// Noise that follows from a seed.
pub(crate) fn noise(seed: u32, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

pub(crate) fn png(pixels: &[u8], height: u32, width: u32) -> Vec<u8> {
    encoded(pixels, height, width, image::ImageFormat::Png)
}

pub(crate) fn encoded(pixels: &[u8], height: u32, width: u32, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::write_buffer_with_format(
        &mut bytes,
        pixels,
        width,
        height,
        image::ExtendedColorType::Rgb8,
        format,
    )
    .unwrap();
    bytes.into_inner()
}
