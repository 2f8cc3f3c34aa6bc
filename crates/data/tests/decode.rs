//! Hostile and broken files: each gives its reason, none a panic or a picture that is half there.

mod common;

use common::noise;
use convnet_data::decode::{Decoder, MAX_PIXELS, Undecodable};
use image::ImageFormat;
use safetensors::SafeTensors;

/// One file of every kind, from the goldens.
fn files() -> Vec<(String, Vec<u8>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/pictures.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let goldens = SafeTensors::deserialize(&bytes).unwrap();
    let mut files: Vec<_> = goldens
        .iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix("file/")?.to_owned(), tensor.data().to_vec())))
        .collect();
    files.sort();
    files
}

fn refusal(bytes: &[u8]) -> String {
    Decoder::default().decode(bytes, 3).expect_err("no picture").to_string()
}

#[test]
fn what_is_no_picture_is_told_by_its_content() {
    assert_eq!(refusal(b""), "is empty");
    assert!(refusal(b"Just a text, called cat.jpg").contains("looks like text"));
    assert!(
        refusal("<!DOCTYPE html>\n<title>Nicht gefunden: 猫</title>".as_bytes()).contains("looks like text")
    );
    assert!(refusal(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).contains("looks like nothing known"));
    let heic = [&[0, 0, 0, 24][..], b"ftypheic", &[0; 64]].concat();
    assert!(refusal(&heic).contains("convert it to JPEG or PNG"));
    for (start, name) in [(&b"\xff\xd8\xff"[..], "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF89a", "GIF")] {
        assert!(Decoder::default().decode(start, 3).is_err(), "{name}");
    }
}

#[test]
fn a_picture_that_ends_early_is_an_error_wherever_it_ends() {
    let mut decoder = Decoder::default();
    for (name, bytes) in files() {
        assert!(decoder.decode(&bytes, 3).is_ok(), "{name}");
        if name.starts_with("jpeg") {
            for end in 3..bytes.len() {
                assert!(
                    decoder.decode(&bytes[..end], 3).is_err(),
                    "{name} cut to {end} of {} bytes",
                    bytes.len()
                );
            }
            let scan = bytes.len() - 20;
            assert!(matches!(decoder.decode(&bytes[..scan], 3), Err(Undecodable::Truncated)), "{name}");
        } else {
            // Some formats keep something behind the pixels that nobody needs.
            for end in [bytes.len() / 3, bytes.len() / 2] {
                assert!(
                    decoder.decode(&bytes[..end], 3).is_err(),
                    "{name} cut to {end} of {} bytes",
                    bytes.len()
                );
            }
        }
    }
}

#[test]
fn thousands_of_mutated_files_cause_no_panic() {
    let mut decoder = Decoder::default();
    let (mut pictures, mut errors) = (0, 0);
    for (number, (name, original)) in files().into_iter().enumerate() {
        for round in 0..250_u32 {
            let mut bytes = original.clone();
            let random = noise(round * 64 + number as u32, 64);
            let place = |which: usize| {
                let at = u32::from_le_bytes(random[4 * which..][..4].try_into().unwrap()) as usize;
                // Half of them in the headers, where lengths and sizes are.
                if which.is_multiple_of(2) { at % bytes.len().min(128) } else { at % bytes.len() }
            };
            let places: Vec<usize> = (0..8).map(place).collect();
            match round % 5 {
                0 => bytes[places[round as usize % 8]] = random[40],
                1 => places.iter().enumerate().for_each(|(n, &place)| bytes[place] = random[40 + n]),
                2 => places[..3].iter().for_each(|&place| bytes[place] = [0, 0xff, 0x7f][place % 3]),
                3 => drop(bytes.drain(places[1].min(places[3])..places[1].max(places[3]))),
                _ => {
                    let part = bytes[places[1].min(places[3])..places[1].max(places[3])].to_vec();
                    bytes.splice(places[5]..places[5], part);
                }
            }
            match decoder.decode(&bytes, if round % 2 == 0 { 3 } else { 1 }) {
                Ok(picture) => {
                    assert!((picture.height * picture.width) as u64 <= MAX_PIXELS);
                    assert_eq!(picture.pixels.len(), picture.height * picture.width * picture.channels);
                    pictures += 1;
                }
                Err(why) => {
                    assert!(!why.to_string().contains("panic"), "{name}, round {round}");
                    errors += 1;
                }
            }
        }
    }
    // Both happen, or the mutations are too harsh or too mild to find anything.
    assert!(pictures > 1000 && errors > 1000, "{pictures} pictures, {errors} errors");
}

#[test]
fn a_picture_of_one_pixel_and_one_of_one_row() {
    let mut decoder = Decoder::default();
    let bytes = common::png(&[1, 2, 3], 1, 1);
    assert_eq!(decoder.decode(&bytes, 3).unwrap().pixels, [1, 2, 3]);
    assert_eq!(decoder.decode(&bytes, 1).unwrap().pixels, [2]);
    let row = noise(1, 3 * 1000);
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff] {
        let bytes = common::encoded(&row, 1, 1000, format);
        let picture = decoder.decode(&bytes, 3).unwrap();
        assert_eq!((picture.height, picture.width, picture.pixels), (1, 1000, &row[..]), "{format:?}");
    }
}

/// A TIFF of 2×2 pixels with `samples` floating-point numbers each, by the specification (TIFF 6.0, section 2).
fn float_tiff(samples: u16) -> Vec<u8> {
    let pixels: Vec<u8> = (0..4 * samples).flat_map(|number| f32::from(number).to_le_bytes()).collect();
    let (header, each) = (8, 12);
    let entries = 10;
    let behind = header + 2 + entries * each + 4;
    // Lists that do not fit into an entry lie behind all of them: bits, then formats, then the pixels.
    let list = |value: u16| vec![value; usize::from(samples)].into_iter().flat_map(u16::to_le_bytes);
    let long = 2 * u32::from(samples);
    let (bits_at, formats_at) = (behind, behind + long);
    let pixels_at = formats_at + long;
    let short = 3_u16;
    let place = |at: u32, value: u16| if samples == 1 { u32::from(value) } else { at };
    let mut bytes = [&b"II*\0"[..], &header.to_le_bytes(), &(entries as u16).to_le_bytes()].concat();
    for (tag, kind, count, value) in [
        (256_u16, short, 1, 2),
        (257, short, 1, 2),
        (258, short, u32::from(samples), place(bits_at, 32)),
        (259, short, 1, 1),
        (262, short, 1, if samples == 1 { 1 } else { 2 }),
        (273, 4, 1, pixels_at),
        (277, short, 1, u32::from(samples)),
        (278, short, 1, 2),
        (279, 4, 1, pixels.len() as u32),
        (339, short, u32::from(samples), place(formats_at, 3)),
    ] {
        bytes.extend([tag, kind].into_iter().flat_map(u16::to_le_bytes));
        bytes.extend([count, value].into_iter().flat_map(u32::to_le_bytes));
    }
    bytes.extend([0; 4]);
    bytes.extend(list(32).chain(list(3)));
    bytes.extend(pixels);
    bytes
}

#[test]
fn a_tiff_of_floating_point_numbers_is_not_damaged_but_not_read() {
    for samples in [1, 3, 4] {
        let why = Decoder::default().decode(&float_tiff(samples), 3).expect_err("no bytes");
        assert!(matches!(why, Undecodable::Unsupported(_)), "{samples}: {why}");
        let words = why.to_string();
        assert!(words.contains("floating-point") && words.contains("convert it to JPEG or PNG"), "{words}");
    }
}

#[test]
#[should_panic(expected = "1 or 3 channels, not 4")]
fn other_channels_are_a_mistake_of_the_program() {
    let _ = Decoder::default().decode(&common::png(&[1, 2, 3], 1, 1), 4);
}
