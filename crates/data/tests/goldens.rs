//! Decoding and resizing against Pillow and OpenCV. `goldens/pictures.py` made the file.

use convnet_data::decode::{Decoder, Picture};
use convnet_data::resize::Resizer;
use convnet_tensor::{Filter, Fit};
use safetensors::SafeTensors;

fn goldens() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/pictures.safetensors")).unwrap()
}

/// The largest and the mean difference of two pictures' bytes.
fn difference(a: &[u8], b: &[u8]) -> (u8, f64) {
    assert_eq!(a.len(), b.len());
    let differences = || a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    (differences().max().unwrap(), differences().map(f64::from).sum::<f64>() / a.len() as f64)
}

#[test]
fn every_format_decodes_to_what_pillow_says() {
    let bytes = goldens();
    let goldens = SafeTensors::deserialize(&bytes).unwrap();
    let mut decoder = Decoder::default();
    let mut count = 0;
    for name in goldens.names().into_iter().filter_map(|name| name.strip_prefix("file/")) {
        let file = goldens.tensor(&format!("file/{name}")).unwrap();
        for (colours, channels) in [("rgb", 3), ("grey", 1)] {
            let expected = goldens.tensor(&format!("{colours}/{name}")).unwrap();
            let found = decoder.decode(file.data(), channels).unwrap_or_else(|why| panic!("{name} {why}"));
            assert_eq!([found.height, found.width], expected.shape()[..2], "{name}");
            let (largest, mean) = difference(found.pixels, expected.data());
            // Lossy formats leave the decoder some freedom: in the rounding of its cosine transform and of colours, and in
            // how halved colours are widened again.
            let bound = match name {
                _ if name.starts_with("jpeg_42") || ["jpeg_progressive", "jpeg_restarts"].contains(&name) => {
                    (5, 0.8)
                }
                _ if name.starts_with("jpeg") => (4, 0.7),
                "webp_lossy" => (4, 0.7),
                _ => (0, 0.0),
            };
            assert!(
                largest <= bound.0 && mean <= bound.1,
                "{name} in {colours}: off by {largest}, {mean:.2} in the mean"
            );
            count += 1;
        }
    }
    assert_eq!(count, 2 * 36);
}

#[test]
fn resizing_is_within_one_of_pillow_and_opencv() {
    let bytes = goldens();
    let goldens = SafeTensors::deserialize(&bytes).unwrap();
    let mut resizer = Resizer::default();
    let (mut exact, mut wrong) = ([0_u32; 2], Vec::new());
    for name in goldens.names() {
        let parts: Vec<&str> = name.split('/').collect();
        let &["resize", source, fit, filter, _] = &parts[..] else { continue };
        let from = goldens.tensor(&format!("resize/{source}")).unwrap();
        let &[height, width, channels] = from.shape() else { panic!("{source}") };
        let picture = Picture { height, width, channels, pixels: from.data() };
        let fit = match fit {
            "squash" => Fit::Squash,
            "crop" => Fit::Crop,
            "pad" => Fit::Pad,
            other => panic!("{other}"),
        };
        let filter = match filter {
            "nearest" => Filter::Nearest,
            "bilinear" => Filter::Bilinear,
            "bicubic" => Filter::Bicubic,
            "area" => Filter::Area,
            "bilinear_plain" => Filter::BilinearPlain,
            other => panic!("{other}"),
        };
        let expected = goldens.tensor(name).unwrap();
        let mut found = vec![77; expected.data().len()];
        resizer.resize(picture, expected.shape()[0], expected.shape()[1], fit, filter, &mut found);
        let (largest, mean) = difference(&found, expected.data());
        let allowed = if filter == Filter::Nearest { 0 } else { 1 };
        if largest > allowed {
            wrong.push(format!("{name}: off by {largest}, {mean:.3} in the mean"));
        }
        exact[usize::from(largest > 0)] += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let [exact, by_one] = exact;
    assert_eq!(exact + by_one, 165);
    assert!(exact > by_one, "{exact} are the same to the last bit, {by_one} differ by 1 somewhere");
}

#[test]
fn memory_used_again_leaves_no_trace() {
    let (large, small) = (vec![200; 50 * 40 * 3], vec![9; 2 * 3]);
    let large = Picture { height: 50, width: 40, channels: 3, pixels: &large };
    let small = Picture { height: 1, width: 2, channels: 3, pixels: &small };
    let mut resizer = Resizer::default();
    let mut to = vec![0; 30 * 30 * 3];
    resizer.resize(large, 30, 30, Fit::Pad, Filter::Bicubic, &mut to);
    resizer.resize(small, 30, 30, Fit::Pad, Filter::Bicubic, &mut to);
    // 1×2 in a square of 30: rows 8 to 22 (half of 15 rounds to the even 8) hold the picture.
    for (row, bytes) in to.chunks_exact(30 * 3).enumerate() {
        let expected = if (8..23).contains(&row) { 9 } else { 0 };
        assert!(bytes.iter().all(|&byte| byte == expected), "row {row}");
    }
}
