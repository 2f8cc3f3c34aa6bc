//! Paints a sheet of digits, one class per row, or shows real ones in the same way.
//!
//! `cargo run --release --example digit_sheet -p convnet-data -- sheet.png [folder of MNIST]`

use convnet_data::{Dataset, generated, idx};
use convnet_tensor::Seed;
use std::error::Error;
use std::path::Path;

const COLUMNS: usize = 20;
const ENLARGED: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path = arguments.next().unwrap_or_else(|| "digit_sheet.png".into());
    let digits = match arguments.next() {
        Some(folder) => idx::mnist(Path::new(&folder))?.0,
        None => generated::digits(Seed(1), 1_000),
    };
    let side = digits.picture_shape()[0];
    let cell = side * ENLARGED;
    let (width, height) = (COLUMNS * cell, digits.classes().len() * cell);
    let mut sheet = vec![0; width * height];
    for class in 0..digits.classes().len() {
        for (column, number) in numbers_of(&digits, class).take(COLUMNS).enumerate() {
            let picture = digits.picture(number)?;
            let picture = picture.data();
            for y in 0..cell {
                for x in 0..cell {
                    sheet[(class * cell + y) * width + column * cell + x] =
                        picture[y / ENLARGED * side + x / ENLARGED];
                }
            }
        }
    }
    image::save_buffer(&path, &sheet, width as u32, height as u32, image::ExtendedColorType::L8)?;
    println!("{} ({}), {} classes by {COLUMNS}", path.display(), digits.origin(), digits.classes().len());
    Ok(())
}

fn numbers_of(digits: &Dataset, class: usize) -> impl Iterator<Item = usize> {
    let labels = digits.labels().iter().enumerate();
    labels.filter(move |&(_, &label)| label as usize == class).map(|(number, _)| number)
}
