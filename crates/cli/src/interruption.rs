//! Ctrl-C while a model is made: the first ends the learning, and what was learned becomes the model; the second ends the program.

use anyhow::{Context, Result};
use std::fmt;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of what Ctrl-C ended.
pub(crate) const CODE: u8 = 130;

static CAME: AtomicBool = AtomicBool::new(false);

/// Listens from now on; before, Ctrl-C ends the program. `out` is what a second one leaves as it is.
///
/// # Errors
/// When the system refuses, or somebody listens already.
pub(crate) fn listen(out: &Path) -> Result<()> {
    let answer = format!(
        "\nending, with the model as far as it has learned; Ctrl-C again ends at once and leaves {} as it is",
        out.display()
    );
    let handler = move || {
        if CAME.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(CODE));
        }
        let _ = writeln!(std::io::stderr(), "{answer}");
    };
    ctrlc::set_handler(handler).context("cannot listen for Ctrl-C")
}

/// Whether Ctrl-C came since somebody listens.
pub(crate) fn came() -> bool {
    CAME.load(Ordering::SeqCst)
}

/// Tells `progress` of what is done, and stops the work when Ctrl-C came.
pub(crate) fn heard(
    progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> impl FnMut(usize, usize) -> ControlFlow<()> {
    move |done, all| if came() { ControlFlow::Break(()) } else { progress(done, all) }
}

/// Whether work was stopped by [`heard`].
pub(crate) fn stopped(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(convnet_data::Error::Stopped { .. }))
        || matches!(error.downcast_ref(), Some(convnet_train::Error::Stopped { .. }))
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
