//! Paints a sheet of scenes: rows of each class in turn, and on the right of every picture its object mask.
//!
//! `cargo run --release --example scene_sheet -p convnet-data -- sheet.png [side in pixels] [first number]`

use convnet_data::generated::{self, SCENE_SIDE};
use convnet_tensor::Seed;
use std::error::Error;
use std::time::Instant;

const COLUMNS: usize = 5;
const ROWS: usize = 6;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| "scene_sheet.png".into());
    let side = arguments.next().map_or(Ok(SCENE_SIDE), |side| side.parse())?;
    let first: u64 = arguments.next().map_or(Ok(0), |first| first.parse())?;
    let count = COLUMNS * ROWS;
    let start = Instant::now();
    let scenes = generated::scenes(Seed(1), first..first + count as u64, [side, side])?;
    let milliseconds = 1e3 * start.elapsed().as_secs_f64() / count as f64;

    let labels = scenes.pictures.labels();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&number| labels[number]);
    let width = COLUMNS * 2 * side;
    let mut sheet = vec![0; ROWS * side * width * 3];
    for (cell, number) in order.into_iter().enumerate() {
        let picture = scenes.pictures.picture(number)?;
        let mask = &scenes.masks.data()[number * side * side..];
        let (top, left) = (cell / COLUMNS * side, cell % COLUMNS * 2 * side);
        for y in 0..side {
            for x in 0..side {
                let to = 3 * ((top + y) * width + left + x);
                let from = y * side + x;
                sheet[to..to + 3].copy_from_slice(&picture.data()[3 * from..3 * from + 3]);
                sheet[to + 3 * side..to + 3 * side + 3].fill(mask[from]);
            }
        }
    }
    image::save_buffer(&path, &sheet, width as u32, (ROWS * side) as u32, image::ExtendedColorType::Rgb8)?;
    println!("{path} ({}), {milliseconds:.2} ms a scene on all cores", scenes.pictures.origin());
    Ok(())
}
