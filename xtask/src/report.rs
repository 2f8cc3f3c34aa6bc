//! `report`: builds the page again from what a run has left, without computing anything.

use crate::{living, reproduce, stdout};
use anyhow::Result;
use clap::Args;
use convnet_report::Results;
use std::path::PathBuf;

#[derive(Args, Debug)]
#[command(after_help = "\
The folder's results.json, figures/ and models/ are read as files from anywhere: what is wrong in them is told, and nothing
outside the folder is read.

Exit codes: 0 done; 1 the page cannot be written; 2 results.json is missing or not what it should be.")]
pub(crate) struct Arguments {
    /// The folder of the run
    #[arg(long, value_name = "FOLDER", default_value = "target/chapter5")]
    out: PathBuf,
}

/// # Errors
/// Those of reading `results.json` and of writing the page.
pub(crate) fn run(Arguments { out }: &Arguments) -> Result<()> {
    let results = Results::read(out.join("results.json"))?;
    let _lock = reproduce::lock(out)?;
    reproduce::write_page(out, &results)?;
    let network =
        if living::network(&results, out).is_some() { ", with the network of 5.1 to draw for" } else { "" };
    stdout::print(&format!(
        "report: {} ({} experiments{network})",
        out.join("index.html").display(),
        results.experiments.len()
    ))?;
    Ok(())
}
