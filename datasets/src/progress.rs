//! What a download tells its caller; the library itself prints nothing.

use std::path::Path;

/// Receives what a download has to say.
pub trait Progress {
    /// Called before the first byte is asked for, with the size and what it will take.
    fn announce(&mut self, announcement: &Announcement<'_>);
    /// Called often: `received` of `total` bytes of `file` are on the disk or, while a large one is checked, have been read.
    fn advance(&mut self, file: &str, received: u64, total: u64);
    /// Called often while pictures are unpacked, copied or checked: `done` of `total`.
    fn prepare(&mut self, title: &str, done: u64, total: u64);
    /// One line worth showing: a place was passed over, a mirror failed, another process is being waited for, a picture is
    /// corrupt.
    fn note(&mut self, line: &str);
}

/// What is about to be downloaded.
#[derive(Clone, Debug)]
pub struct Announcement<'a> {
    /// The data set's title.
    pub title: &'a str,
    /// How many files are missing.
    pub files: usize,
    /// Bytes to come, at most: less where an earlier attempt is resumed.
    pub bytes: u64,
    /// Bytes that will stay, where the download is only passing through.
    pub stay: Option<u64>,
    /// The folder that receives the files.
    pub folder: &'a Path,
    /// Licence as stated by the publisher.
    pub licence: &'a str,
}

impl Announcement<'_> {
    /// Seconds over a line of `megabits` per second; 10 is a slow home line.
    pub fn seconds_at(&self, megabits: f64) -> f64 {
        self.bytes as f64 * 8.0 / (megabits * 1e6)
    }
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn announce(&mut self, _: &Announcement<'_>) {}
    fn advance(&mut self, _: &str, _: u64, _: u64) {}
    fn prepare(&mut self, _: &str, _: u64, _: u64) {}
    fn note(&mut self, _: &str) {}
}
