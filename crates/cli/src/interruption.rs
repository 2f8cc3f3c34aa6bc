//! Ctrl-C while a network learns: the first ends the learning, and what was learned becomes the model; the second ends the program.

use anyhow::{Context, Result};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of what Ctrl-C ended.
pub(crate) const CODE: u8 = 130;

static CAME: AtomicBool = AtomicBool::new(false);

/// Listens from now on; before, Ctrl-C ends the program.
///
/// # Errors
/// When the system refuses, or somebody listens already.
pub(crate) fn listen() -> Result<()> {
    let handler = || {
        if CAME.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(CODE));
        }
    };
    ctrlc::set_handler(handler).context("cannot listen for Ctrl-C")
}

/// Whether Ctrl-C came since somebody listens.
pub(crate) fn came() -> bool {
    CAME.load(Ordering::SeqCst)
}

/// Ctrl-C came; the text says what is there nevertheless.
#[derive(Debug)]
pub(crate) struct Interrupted(pub(crate) String);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}
