//! Batches made ahead, in the background.

use crate::{Batch, Error, Result};
use convnet_cpu::{parallel, simd};
use std::panic;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// How many batches wait at most, beside the one that is being made: one hides the time that making takes, another that its
/// time varies.
const WAITING: usize = 2;

/// Batches in order, made in the background by threads of their own.
pub(crate) struct Ahead {
    batches: Option<Receiver<Result<Batch>>>,
    maker: Option<JoinHandle<()>>,
}

impl Ahead {
    /// Starts to make what `made` gives, on so many threads.
    pub(crate) fn new(threads: usize, made: impl Iterator<Item = Result<Batch>> + Send + 'static) -> Ahead {
        let (sender, receiver) = sync_channel(WAITING);
        // The instruction set of a test holds in the background too.
        let isa = simd::isa();
        let work = move || simd::using(isa, || make(threads, made, &sender));
        let maker = thread::Builder::new().name("batches".into()).spawn(work);
        match maker {
            Ok(maker) => Ahead { batches: Some(receiver), maker: Some(maker) },
            Err(cause) => Ahead::refused(&cause.to_string()),
        }
    }

    /// One error in place of batches.
    fn refused(cause: &str) -> Ahead {
        let (sender, receiver) = sync_channel(1);
        // Nobody else holds the receiver, and there is room for one.
        let _ = sender.send(Err(Error::Background { cause: cause.into() }));
        Ahead { batches: Some(receiver), maker: None }
    }
}

/// Makes batches until all are made, or nobody wants them any more.
fn make(threads: usize, made: impl Iterator<Item = Result<Batch>> + Send, to: &SyncSender<Result<Batch>>) {
    let mut made = made;
    let all = || {
        while let Some(batch) = made.next()
            && to.send(batch).is_ok()
        {}
    };
    if let Err(refused) = parallel::install(threads, all) {
        let _ = to.send(Err(Error::Background { cause: refused.to_string() }));
    }
}

impl Iterator for Ahead {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        if let Ok(batch) = self.batches.as_ref()?.recv() {
            return Some(batch);
        }
        // All are made, or the maker panicked: as if it had happened here.
        if let Some(Err(cause)) = self.maker.take().map(JoinHandle::join) {
            panic::resume_unwind(cause);
        }
        None
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // Without a receiver the next batch is refused, and the maker ends.
        self.batches = None;
        if let Some(maker) = self.maker.take() {
            let _ = maker.join();
        }
    }
}
