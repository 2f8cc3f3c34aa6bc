//! A picture of 30,000×30,000 pixels is refused at once and costs no memory. Alone in its file, as it watches what the whole
//! process takes.

mod common;

use convnet_data::decode::{Decoder, Undecodable};
use flate2::{Compression, Crc, write::ZlibEncoder};
use std::io::Write;
use std::time::{Duration, Instant};

const SIDE: u32 = 30_000;

fn chunk(name: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let body = [&name[..], contents].concat();
    let mut crc = Crc::new();
    crc.update(&body);
    [&(contents.len() as u32).to_be_bytes()[..], &body, &crc.sum().to_be_bytes()].concat()
}

/// A true one, black: 112 MB of one-bit pixels in some 100 kB, 2.7 GB as RGB.
fn png() -> Vec<u8> {
    let header = [&SIDE.to_be_bytes()[..], &SIDE.to_be_bytes(), &[1, 0, 0, 0, 0]].concat();
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let row = vec![0; 1 + SIDE as usize / 8];
    (0..SIDE).for_each(|_| encoder.write_all(&row).unwrap());
    let pixels = encoder.finish().unwrap();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &pixels), chunk(b"IEND", &[])]
        .concat()
}

/// A small file whose header says that it is large; `place` is where width and height stand.
fn promised(format: image::ImageFormat, place: impl Fn(&[u8]) -> usize, sides: &[u8]) -> Vec<u8> {
    let mut bytes = common::encoded(&[90; 16 * 16 * 3], 16, 16, format);
    let place = place(&bytes);
    bytes[place..place + sides.len()].copy_from_slice(sides);
    bytes
}

/// Grey in one strip, of which nothing is there (TIFF 6.0, section 3).
fn tiff() -> Vec<u8> {
    let (short, long) = (3_u16, 4_u16);
    let entries = [
        (256_u16, long, SIDE),
        (257, long, SIDE),
        (258, short, 8),
        (259, short, 1),
        (262, short, 1),
        (273, long, 8),
        (277, short, 1),
        (278, long, SIDE),
        (279, long, SIDE * SIDE),
    ];
    let mut bytes = [&b"II*\0"[..], &8_u32.to_le_bytes(), &(entries.len() as u16).to_le_bytes()].concat();
    for (tag, kind, value) in entries {
        bytes.extend([tag, kind].into_iter().flat_map(u16::to_le_bytes));
        bytes.extend([1, value].into_iter().flat_map(u32::to_le_bytes));
    }
    bytes.extend([0; 4]);
    bytes
}

/// A canvas of that size around a picture of 16×16 (RFC 9649, section 2.7): one frame cannot be as large.
fn webp() -> Vec<u8> {
    let small = common::encoded(&[90; 16 * 16 * 3], 16, 16, image::ImageFormat::WebP);
    let side = &(SIDE - 1).to_le_bytes()[..3];
    let canvas = [&b"VP8X"[..], &10_u32.to_le_bytes(), &[0; 4], side, side].concat();
    // Behind RIFF, the length of the file, and WEBP.
    let chunks = [&canvas[..], &small[12..]].concat();
    [&b"RIFF"[..], &(4 + chunks.len() as u32).to_le_bytes(), b"WEBP", &chunks].concat()
}

fn find(bytes: &[u8], marker: &[u8]) -> usize {
    bytes.windows(marker.len()).position(|window| window == marker).expect("the marker is there")
}

/// The most memory that the process has had, in bytes.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10)
}

#[test]
fn thirty_thousand_squared_is_refused_before_its_pixels_are_allocated() {
    use image::ImageFormat::{Bmp, Gif, Jpeg};
    let side = SIDE as u16;
    let (big, small) = (side.to_be_bytes(), side.to_le_bytes());
    let long = SIDE.to_le_bytes();
    let bombs = [
        ("PNG", png()),
        ("JPEG", promised(Jpeg, |bytes| find(bytes, &[0xff, 0xc0]) + 5, &[big, big].concat())),
        ("GIF", promised(Gif, |_| 6, &[small, small].concat())),
        ("BMP", promised(Bmp, |_| 18, &[long, long].concat())),
        ("TIFF", tiff()),
        ("WebP", webp()),
    ];
    let before = peak();
    for (name, bytes) in &bombs {
        let start = Instant::now();
        let why = Decoder::default().decode(bytes, 3).expect_err("a bomb");
        assert!(start.elapsed() < Duration::from_secs(1), "{name}: {:?}", start.elapsed());
        assert!(matches!(why, Undecodable::TooLarge { width: 30_000, height: 30_000 }), "{name}: {why}");
        assert!(
            why.to_string().contains("30000×30000") && why.to_string().contains("scale it down"),
            "{why}"
        );
    }
    match (before, peak()) {
        (Some(before), Some(after)) => {
            assert!(after - before < 32 << 20, "{} bytes were taken for a refusal", after - before);
        }
        _ => eprintln!("this system does not tell how much memory a process takes: not checked"),
    }
}
