//! Progress of work that takes a while.

use anyhow::Result;
use convnet_report::Progress;
use std::io::Stderr;
use std::ops::ControlFlow;

/// Shows how many pictures of all are done while `work` tells it.
///
/// # Errors
/// Those of `work`.
pub(crate) fn in_batches<T>(
    progress: &mut Progress<Stderr>,
    phase: &str,
    work: impl FnOnce(&mut dyn FnMut(usize, usize) -> ControlFlow<()>) -> Result<T>,
) -> Result<T> {
    let mut shown = None;
    let done = work(&mut |done, all| {
        // What is done at once has no rate.
        if shown.is_none() && done < all {
            progress.start(phase, all as u64, "pictures");
        }
        progress.advance((done - shown.unwrap_or(0)) as u64);
        shown = Some(done);
        ControlFlow::Continue(())
    });
    progress.finish();
    done
}
