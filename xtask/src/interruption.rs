//! Ctrl-C: the first lets a step end and write a checkpoint, the second ends the program.

use anyhow::{Context, Result};
use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Listens from now on; what it answers is set by the first Ctrl-C.
///
/// # Errors
/// When the system refuses, or somebody listens already.
pub(crate) fn listen() -> Result<&'static AtomicBool> {
    let handler = || {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(crate::exit::INTERRUPTED));
        }
    };
    ctrlc::set_handler(handler).context("cannot listen for Ctrl-C")?;
    Ok(&INTERRUPTED)
}
