//! Files on their way in: all together take a bounded amount of memory, and one that comes slowly keeps nobody waiting.

use super::refusal::Refusal;
use axum::body::Body;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;
use tokio_stream::StreamExt;

/// The most bytes of all files that are read or wait to be decoded.
const MOST: usize = 256 << 20;

/// How many bytes have come in and are not done with.
#[derive(Clone, Debug, Default)]
pub(super) struct Intake {
    bytes: Arc<AtomicUsize>,
}

/// A file; what it takes counts until it is dropped.
#[derive(Debug)]
pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    counted: usize,
    intake: Intake,
}

impl Drop for File {
    fn drop(&mut self) {
        self.intake.bytes.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

impl Intake {
    /// All of a body, if it is there in time.
    ///
    /// # Errors
    /// When it has more than `most` bytes, does not come to its end, or all files together are too many.
    pub(super) async fn file(&self, body: Body, most: usize, in_time: Duration) -> Result<File, Refusal> {
        let mut file = File { bytes: Vec::new(), counted: 0, intake: self.clone() };
        let reading = async {
            let mut pieces = body.into_data_stream();
            while let Some(piece) = pieces.next().await {
                let piece = piece.map_err(|_| Refusal::wrong("the body was cut off; send it again"))?;
                if file.bytes.len() + piece.len() > most {
                    return Err(Refusal::too_large(format!(
                        "the body is larger than the {} KiB that are taken",
                        most >> 10
                    )));
                }
                file.counted += piece.len();
                if self.bytes.fetch_add(piece.len(), Ordering::Relaxed) + piece.len() > MOST {
                    return Err(Refusal::busy());
                }
                file.bytes.extend_from_slice(&piece);
            }
            Ok(())
        };
        timeout(in_time, reading).await.unwrap_or_else(|_| Err(Refusal::too_slow()))?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;

    const SOON: Duration = Duration::from_secs(60);

    fn read(intake: &Intake, body: Body, most: usize, in_time: Duration) -> Result<File, Refusal> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(intake.file(body, most, in_time))
    }

    #[test]
    fn bytes_count_as_long_as_the_file_is_held() {
        let intake = Intake::default();
        let file = read(&intake, Body::from("picture"), 7, SOON).unwrap();
        assert_eq!((&*file.bytes, intake.bytes.load(Ordering::Relaxed)), (&b"picture"[..], 7));
        drop(file);
        assert!(read(&intake, Body::from("pictures"), 7, SOON).unwrap_err().to_string().contains("larger"));
        assert_eq!(intake.bytes.load(Ordering::Relaxed), 0);
        intake.bytes.store(MOST - 3, Ordering::Relaxed);
        assert_eq!(read(&intake, Body::from("four"), 7, SOON).unwrap_err(), Refusal::busy());
        assert_eq!(intake.bytes.load(Ordering::Relaxed), MOST - 3);
    }

    #[test]
    fn a_body_that_does_not_end_is_given_up() {
        let intake = Intake::default();
        let started = tokio_stream::once(Ok::<_, std::io::Error>(Bytes::from_static(b"pic")));
        let body = Body::from_stream(started.chain(tokio_stream::pending()));
        assert_eq!(read(&intake, body, 7, Duration::from_millis(20)).unwrap_err(), Refusal::too_slow());
        assert_eq!(intake.bytes.load(Ordering::Relaxed), 0);
    }
}
