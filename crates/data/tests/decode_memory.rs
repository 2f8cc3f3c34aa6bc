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
