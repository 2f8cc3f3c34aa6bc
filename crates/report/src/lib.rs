#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod chart;
mod error;
mod file;
mod machine;
mod page;
mod picture;
mod progress;
mod results;
mod table;
pub mod words;

pub use error::Error;
pub use file::{create_folder, write_file};
pub use machine::{Machine, peak_mib, reset_peak};
pub use page::{LayerKind, Network, NetworkActivation, NetworkLayer, figures_in, inside, render};
pub use picture::{ColourMap, Picture, grid};
pub use progress::{Mode, Progress};
pub use results::{Cells, DataSource, Experiment, Results, Status};
pub use table::{Align, Table, printable};
