//! A few threads that work, and a queue that ends: what is asked of the network never runs on the threads that serve.

use super::refusal::Refusal;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that take one piece of work after the other.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    queue: SyncSender<Job>,
}

impl Pool {
    /// `workers` threads, before which at most `waiting` pieces of work wait.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub(super) fn new(name: &str, workers: usize, waiting: usize) -> std::io::Result<Pool> {
        let (queue, jobs) = sync_channel::<Job>(waiting);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..workers {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new().name(format!("{name}-{number}")).spawn(move || work(&jobs))?;
        }
        Ok(Pool { queue })
    }

    /// What `work` gives, once its turn has come. Where nobody waits for it any more – the client has left, or asked
    /// something newer – it is not begun.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (sender, answer) = oneshot::channel();
        self.start(move || {
            if !sender.is_closed() {
                // Nobody may be there any more to take it.
                let _ = sender.send(work());
            }
        })?;
        answer.await.unwrap_or_else(|_| {
            Err(Refusal::failed(
                "the question ended in a panic, a fault of the program; the terminal says more",
            ))
        })
    }

    /// Lets `work` take its turn.
    ///
    /// # Errors
    /// When too much waits already.
    pub(super) fn start(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Refusal> {
        self.queue.try_send(Box::new(work)).map_err(|_| Refusal::busy())
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // The panic is told by its hook, and by the answer that does not come.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn the_queue_ends_and_a_panic_harms_nobody_else() {
        let pool = Pool::new("test", 1, 1).unwrap();
        let (free, wait) = channel::<()>();
        let (started, begun) = channel();
        pool.start(move || {
            started.send(()).unwrap();
            wait.recv().unwrap();
        })
        .unwrap();
        begun.recv().unwrap();
        pool.start(|| panic!("on purpose")).unwrap();
        assert_eq!(pool.start(|| {}), Err(Refusal::busy()));
        free.send(()).unwrap();
        let answer = block_on(async {
            loop {
                match pool.run(|| Ok(7)).await {
                    Err(busy) if busy == Refusal::busy() => tokio::task::yield_now().await,
                    other => return other,
                }
            }
        });
        assert_eq!(answer, Ok(7));
        assert!(block_on(pool.run::<()>(|| panic!("on purpose"))).is_err());
    }

    #[test]
    fn what_nobody_waits_for_is_not_begun() {
        let pool = Pool::new("test", 1, 4).unwrap();
        let (free, wait) = channel::<()>();
        pool.start(move || wait.recv().unwrap()).unwrap();
        let (told, begun) = channel();
        let asked = Box::pin(pool.run(move || {
            told.send("the question").unwrap();
            Ok(())
        }));
        block_on(async {
            tokio::select! {
                biased;
                _ = asked => unreachable!("the only worker is held"),
                () = std::future::ready(()) => {} // the client leaves
            }
        });
        free.send(()).unwrap();
        block_on(pool.run(|| Ok(()))).unwrap();
        assert!(begun.try_recv().is_err());
    }
}
