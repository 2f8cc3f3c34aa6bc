//! Draws the figures of the book (`docs/`) anew: whatever they show is computed by the library on pictures that it paints.
//!
//! `cargo run --release -p convnet --example book_figures -- docs/src/figures`

mod draw;
mod learned;
mod windows;

use convnet_report::{create_folder, write_file};
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "docs/src/figures".into()));
    create_folder(&folder)?;
    let write = |name: &str, bytes: Vec<u8>| -> Result<(), Box<dyn Error>> {
        let path = folder.join(name);
        write_file(&path, &bytes)?;
        println!("{} ({} KiB)", path.display(), bytes.len().div_ceil(1024));
        Ok(())
    };
    write("convolution.svg", windows::convolution()?.into())?;
    write("borders.svg", windows::borders()?.into())?;
    write("pooling.svg", windows::pooling()?.into())?;
    write("augmentation.png", learned::augmentation()?)?;
    let digits = learned::digits()?;
    for (number, layer) in ["conv2d", "conv2d_1"].into_iter().enumerate() {
        write(&format!("activations-{}.png", number + 1), learned::activations(&digits, layer)?)?;
    }
    write("heatmaps.png", learned::heatmaps()?)?;
    Ok(())
}
