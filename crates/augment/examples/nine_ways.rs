//! Paints a picture and shows nine random versions of it, beside each other.
//!
//! `cargo run --release -p convnet-augment --example nine_ways -- nine_ways.png [settings.toml]`

use convnet_augment::Augment;
use convnet_tensor::{Purpose, Seed};
use std::error::Error;

const SIDE: usize = 150;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path = arguments.next().unwrap_or_else(|| "nine_ways.png".into());
    let augment = match arguments.next() {
        Some(settings) => toml::from_str(&std::fs::read_to_string(settings)?)?,
        None => Augment { brightness: 0.2, saturation: 0.3, hue: 15.0, ..Augment::chapter5() },
    };
    augment.check()?;
    let picture = kite();
    let shape = [SIDE, SIDE, 3];
    let [rows, columns, _] = augment.output_shape(shape);
    let mut sheet = image::RgbImage::new(3 * columns as u32, 3 * rows as u32);
    for number in 0..9 {
        let transform = augment.draw(shape, &mut Seed(1).stream(Purpose::Augment, 0, number));
        let mut pixels = vec![0; rows * columns * 3];
        transform.write_bytes(&picture, &mut pixels);
        let version = image::RgbImage::from_raw(columns as u32, rows as u32, pixels).expect("as many pixels");
        let (x, y) = (number % 3 * columns as u64, number / 3 * rows as u64);
        image::imageops::replace(&mut sheet, &version, x as i64, y as i64);
    }
    sheet.save(&path)?;
    println!("{}", path.display());
    Ok(())
}

/// A kite over a meadow: left and right, up and down, near and far can be told apart.
fn kite() -> Vec<u8> {
    let pixel = |x: f64, y: f64| -> [f64; 3] {
        let (u, v) = ((x - 85.0) / 38.0, (y - 55.0) / 46.0);
        if u.abs() + v.abs() < 1.0 {
            return match (u > 0.0, v > 0.0) {
                (true, true) => [230.0, 70.0, 50.0],
                (false, false) => [240.0, 120.0, 60.0],
                _ => [250.0, 205.0, 80.0],
            };
        }
        let tail = 85.0 - (y - 101.0) * 0.6 + 7.0 * (y / 7.0).sin();
        if (101.0..140.0).contains(&y) && (x - tail).abs() < 1.5 {
            return [90.0, 60.0, 40.0];
        }
        match y > 112.0 + 6.0 * (x / 23.0).sin() {
            true => [70.0 + x / 5.0, 140.0 - (y - 112.0), 60.0],
            false => [110.0 + y, 170.0 + y / 2.0, 235.0],
        }
    };
    let places = (0..SIDE * SIDE).map(|index| ((index % SIDE) as f64, (index / SIDE) as f64));
    places.flat_map(|(x, y)| pixel(x, y).map(|number| number as u8)).collect()
}
