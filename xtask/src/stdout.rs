//! Standard output: written without a panic when nobody reads it or the disk is full.

use anyhow::{Context, Result};
use convnet_report::printable;
use std::io::{ErrorKind, Write};

/// Writes `text` and a line's end to standard output. A reader that has gone away, as `head` does, is no error.
///
/// # Errors
/// When it cannot be written otherwise: the disk is full, or standard output is closed.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    match writeln!(output, "{}", printable(text)).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.context("standard output cannot be written"),
    }
}
